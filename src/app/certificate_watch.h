#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "transport/tls_context.h"

namespace lamplighter::app {

/// Reads the certificate again when its files have changed: renewals need neither a restart nor a signal. What cannot
/// be used is logged, and the one before stays.
class CertificateWatch {
 public:
  explicit CertificateWatch(std::shared_ptr<transport::TlsContext> tls,
                            std::chrono::milliseconds interval = std::chrono::seconds{10});
  ~CertificateWatch();

  /// Now, changed or not. Any thread.
  void reload();

 private:
  void watch(const std::stop_token& stop);

  std::shared_ptr<transport::TlsContext> tls_;
  std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace lamplighter::app
