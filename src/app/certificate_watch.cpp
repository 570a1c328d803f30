#include "app/certificate_watch.h"

#include "base/log.h"

namespace lamplighter::app {

CertificateWatch::CertificateWatch(std::shared_ptr<transport::TlsContext> tls, std::chrono::milliseconds interval)
    : tls_(std::move(tls)), interval_(interval), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

CertificateWatch::~CertificateWatch() = default;

void CertificateWatch::reload() {
  if (const auto done = tls_->reload(); !done) {
    log::error("tls: the certificate was not read again, the one before stays: {}", done.error());
  } else {
    log::info("tls: certificate read again; new connections get it");
  }
}

void CertificateWatch::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stop, interval_, [&] { return stop.stop_requested(); })) {
    if (stop.stop_requested()) return;
    if (tls_->files_changed()) reload();
  }
}

}  // namespace lamplighter::app
