#include "transport/channel.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace lamplighter::transport {
namespace {

using State = Progress::State;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }
int limited(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

Progress Channel::verdict(int result) {
  const int saved = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return {State::kDone, static_cast<std::size_t>(result)};
    case SSL_ERROR_WANT_READ: return {State::kWantRead};
    case SSL_ERROR_WANT_WRITE: return {State::kWantWrite};
    case SSL_ERROR_ZERO_RETURN: return {State::kEnd};
    case SSL_ERROR_SYSCALL: error_ = saved; return {State::kFailed};
    default: tls_error_ = tls_error(); return {State::kFailed};
  }
}

Progress Channel::handshake() {
  if (!ssl_) return {};
  ERR_clear_error();
  errno = 0;
  return verdict(SSL_do_handshake(ssl_.get()));
}

Progress Channel::read(std::span<char> into) {
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    return verdict(SSL_read(ssl_.get(), into.data(), limited(into.size())));
  }
  const auto got = ::recv(socket_, into.data(), into.size(), 0);
  if (got > 0) return {State::kDone, static_cast<std::size_t>(got)};
  if (got == 0) return {State::kEnd};
  error_ = errno;
  return {would_block(error_) ? State::kWantRead : State::kFailed};
}

Progress Channel::write(std::string_view bytes) {
  if (ssl_) {
    ERR_clear_error();
    errno = 0;
    return verdict(SSL_write(ssl_.get(), bytes.data(), limited(bytes.size())));
  }
  const auto put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put >= 0) return {State::kDone, static_cast<std::size_t>(put)};
  error_ = errno;
  return {would_block(error_) ? State::kWantWrite : State::kFailed};
}

void Channel::end() {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // best effort: what does not fit now is not said
  }
  ::shutdown(socket_, SHUT_WR);
}

std::string Channel::error() const {
  if (!tls_error_.empty()) return tls_error_;
  return error_ == 0 ? "the connection was lost" : std::system_category().message(error_);
}

}  // namespace lamplighter::transport
