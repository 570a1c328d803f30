#include "load/http_pool.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "load/messages.h"

namespace lamplighter::load {
namespace {

// An answer longer than this is not one of our API's to these questions.
constexpr std::size_t kMaxReply = 16 * 1024 * 1024;

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

HttpPool::HttpPool(const SocketAddress& server, std::string_view token, std::uint32_t connections, int epoll,
                   std::uint32_t first_tag)
    : server_(server),
      head_(fmt::format("HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\nContent-Length: ",
                        server.to_string(), token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token))),
      epoll_(epoll),
      first_tag_(first_tag),
      connections_(connections) {}

HttpPool::~HttpPool() { reset(); }

void HttpPool::reset() {
  for (auto& connection : connections_) close(connection);
  waiting_.clear();
  replies_.clear();
  refused_ = false;
}

void HttpPool::send(std::uint32_t id, std::string_view method, std::string_view target, std::string_view body) {
  waiting_.push_back({id, fmt::format("{} {} {}{}\r\n\r\n{}", method, target, head_, body.size(), body)});
  pump();
}

void HttpPool::cancel(std::uint32_t id) {
  std::erase_if(waiting_, [id](const Waiting& waiting) { return waiting.id == id; });
  for (auto& connection : connections_) {
    const bool carries =
        connection.state == Connection::State::kBusy || connection.state == Connection::State::kConnecting;
    if (carries && connection.id == id) close(connection);
  }
  pump();
}

std::vector<HttpReply> HttpPool::take_replies() { return std::exchange(replies_, {}); }

bool HttpPool::take_refused() { return std::exchange(refused_, false); }

void HttpPool::pump() {
  for (auto& connection : connections_) {
    if (waiting_.empty()) return;
    if (connection.state != Connection::State::kIdle && connection.state != Connection::State::kClosed) continue;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    start(connection, std::move(next));
  }
}

void HttpPool::start(Connection& connection, Waiting waiting) {
  connection.id = waiting.id;
  connection.out = std::move(waiting.text);
  connection.written = 0;
  if (connection.state == Connection::State::kClosed) return connect(connection);
  connection.state = Connection::State::kBusy;
  write(connection);
}

void HttpPool::connect(Connection& connection) {
  connection.descriptor =
      socket(server_.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  connection.state = Connection::State::kConnecting;
  if (connection.descriptor < 0) return fail(connection);
  const int yes = 1;  // one small request at a time: waiting for more to send with it only delays
  setsockopt(connection.descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  sockaddr_storage storage{};
  const auto length = server_.to(storage);
  if (::connect(connection.descriptor, reinterpret_cast<const sockaddr*>(&storage), length) == 0) {
    connection.state = Connection::State::kBusy;
    listen_for(connection, EPOLLIN, EPOLL_CTL_ADD);
    return write(connection);
  }
  if (errno != EINPROGRESS) {
    refused_ |= errno == ECONNREFUSED;
    return fail(connection);
  }
  listen_for(connection, EPOLLOUT, EPOLL_CTL_ADD);
}

void HttpPool::listen_for(Connection& connection, std::uint32_t events, int operation) {
  const auto index = static_cast<std::uint32_t>(&connection - connections_.data());
  epoll_event event{.events = events, .data = {.u32 = first_tag_ + index}};
  epoll_ctl(epoll_, operation, connection.descriptor, &event);
}

void HttpPool::on_event(std::uint32_t tag, std::uint32_t events) {
  if (tag < first_tag_ || tag - first_tag_ >= connections_.size()) return;
  auto& connection = connections_[tag - first_tag_];
  if (connection.state == Connection::State::kClosed) return;
  if (connection.state == Connection::State::kConnecting) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection.descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
      refused_ |= error == ECONNREFUSED;
      fail(connection);
      return pump();
    }
    connection.state = Connection::State::kBusy;
    listen_for(connection, EPOLLIN, EPOLL_CTL_MOD);
    write(connection);
  } else if ((events & EPOLLOUT) != 0) {
    write(connection);
  }
  if (connection.state != Connection::State::kClosed && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read(connection);
  }
  pump();
}

void HttpPool::write(Connection& connection) {
  while (connection.written < connection.out.size()) {
    const auto sent = ::send(connection.descriptor, connection.out.data() + connection.written,
                             connection.out.size() - connection.written, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return listen_for(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    if (sent < 0) return fail(connection);
    if (connection.written + static_cast<std::size_t>(sent) == connection.out.size() && connection.written > 0) {
      listen_for(connection, EPOLLIN, EPOLL_CTL_MOD);  // the rest of a request that did not fit at first
    }
    connection.written += static_cast<std::size_t>(sent);
  }
}

void HttpPool::read(Connection& connection) {
  char buffer[16384];
  while (true) {
    const auto got = recv(connection.descriptor, buffer, sizeof buffer, 0);
    if (got > 0) {
      connection.in.append(buffer, static_cast<std::size_t>(got));
      if (connection.in.size() > kMaxReply || !take_reply(connection)) return fail(connection);
      if (connection.state == Connection::State::kClosed) return;
      if (static_cast<std::size_t>(got) < sizeof buffer) return;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    return fail(connection);  // closed by the server, which is nobody's loss while idle
  }
}

// False: this is not an answer to what was asked.
bool HttpPool::take_reply(Connection& connection) {
  const auto head_end = connection.in.find("\r\n\r\n");
  if (head_end == std::string::npos) return true;
  const std::string_view head(connection.in.data(), head_end + 4);
  const auto status = head.size() > 12 ? number<int>(head.substr(9, 3)) : std::nullopt;
  if (!head.starts_with("HTTP/1.1 ") || !status || connection.state != Connection::State::kBusy) return false;
  const auto length_text = header_value(head, "Content-Length");
  const auto length = length_text.empty() ? std::optional<std::size_t>(0) : number<std::size_t>(length_text);
  if (!length || *length > kMaxReply || !header_value(head, "Transfer-Encoding").empty()) return false;
  if (connection.in.size() < head.size() + *length) return true;
  if (connection.in.size() > head.size() + *length) return false;  // more than one answer to one request
  const bool last = header_value(head, "Connection") == "close";
  replies_.push_back({connection.id, *status, connection.in.substr(head.size())});
  connection.in.clear();
  connection.state = Connection::State::kIdle;
  if (last) close(connection);
  return true;
}

void HttpPool::fail(Connection& connection) {
  const bool owed = connection.state == Connection::State::kBusy || connection.state == Connection::State::kConnecting;
  if (owed) replies_.push_back({connection.id, 0, {}});
  close(connection);
}

void HttpPool::close(Connection& connection) {
  if (connection.descriptor >= 0) ::close(connection.descriptor);  // and leaves the epoll set with it
  connection = {};
}

}  // namespace lamplighter::load
