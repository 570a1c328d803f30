#include "sip/stream_framer.h"

#include <algorithm>

#include "sip/chars.h"
#include "sip/headers.h"

namespace lamplighter::sip {
namespace {

constexpr std::string_view kPing = "\r\n\r\n";

/// Whether this may be the start of a message: its first line names SIP, however wrong the rest of it is. That is left
/// to Message, which can answer it.
bool names_sip(std::string_view line) {
  if (line.size() >= 4 && iequals(line.substr(0, 4), "SIP/")) return true;
  const auto space = line.rfind(' ');
  return space != std::string_view::npos && line.size() >= space + 5 && iequals(line.substr(space + 1, 4), "SIP/");
}

/// Takes one header off the front, folded lines included: its text without the last CRLF.
std::string_view take_header(std::string_view& rest) {
  std::size_t end = 0;
  do {
    end = rest.find("\r\n", end == 0 ? 0 : end + 2);
  } while (end + 2 < rest.size() && (rest[end + 2] == ' ' || rest[end + 2] == '\t'));
  const auto header = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return header;
}

}  // namespace

void StreamFramer::feed(std::string_view bytes) {
  if (kept_.empty()) {
    in_ = bytes;
  } else {
    kept_ += bytes;
    in_ = kept_;
  }
}

/// Between messages: true for a ping.
bool StreamFramer::skip_blanks() {
  for (; at_ < in_.size(); ++at_) {
    const char c = in_[at_];
    if (c != '\r' && c != '\n') return false;
    if (c == kPing[blanks_]) {
      ++blanks_;
    } else {
      blanks_ = c == '\r' ? 1 : 0;
    }
    if (blanks_ < kPing.size()) continue;
    blanks_ = 0;
    ++at_;
    return true;
  }
  return false;
}

StreamFramer::Error StreamFramer::check_start_line(std::string_view rest) {
  const auto end = rest.find("\r\n");
  const auto line = rest.substr(0, std::min({end, rest.size(), limits_.start_line + 1}));
  if (seen_ == 0 && line.starts_with('\x16')) return "TLS where SIP in clear text is spoken";
  for (auto at = seen_; at < line.size(); ++at) {
    if (static_cast<unsigned char>(line[at]) < 0x20 && line[at] != '\r') return "binary data instead of a start line";
  }
  const bool half_crlf = line.size() == rest.size() && line.ends_with('\r');  // its LF may be on the way
  if (line.size() - (half_crlf ? 1 : 0) > limits_.start_line) return "start line too long";
  if (end == std::string_view::npos) return {};
  line_checked_ = true;
  if (names_sip(line)) return {};
  return line.find(" HTTP/") != std::string_view::npos ? "HTTP where SIP is spoken" : "no SIP start line";
}

StreamFramer::Error StreamFramer::find_head_end(std::string_view rest) {
  if (!line_checked_) {
    if (const auto error = check_start_line(rest)) return error;
  }
  const auto end = rest.find("\r\n\r\n", seen_ < 3 ? 0 : seen_ - 3);
  const auto size = end == std::string_view::npos ? rest.size() : end + 4;
  if (size > limits_.head) return "headers too large";
  seen_ = rest.size();
  if (end == std::string_view::npos) return {};
  head_ = whole_ = size;
  return find_length(rest.substr(0, end + 2));
}

/// `head` with the CRLF of its last header. After an error the head can still be answered, unless head_ is 0.
StreamFramer::Error StreamFramer::find_length(std::string_view head) {
  take_header(head);  // the start line
  std::optional<std::string_view> found;
  while (!head.empty()) {
    auto value = take_header(head);
    const auto name = chars::take(value, chars::kToken);
    if (header_id_from(name) != HeaderId::kContentLength) continue;
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    if (!value.starts_with(':')) continue;
    value = trim(value.substr(1));
    if (found && *found != value) {
      head_ = 0;  // the peer, or somebody before it, is up to something: no answer
      return "two Content-Length headers that differ";
    }
    found = value;
  }
  if (!found) return "message without Content-Length";
  const auto length = parse_number(*found);
  if (!length) return "bad Content-Length";
  if (*length > limits_.body) return "body too large";
  whole_ = head_ + *length;
  return {};
}

void StreamFramer::keep_rest() {
  if (at_ == in_.size()) {
    if (!kept_.empty()) kept_ = std::string();
  } else if (in_.data() == kept_.data()) {
    kept_.erase(0, at_);
  } else {
    kept_.assign(in_.substr(at_));
  }
  in_ = {};
  at_ = 0;
}

std::expected<std::optional<Frame>, std::string_view> StreamFramer::next() {
  if (broken_) return std::unexpected(*broken_);
  if (seen_ == 0) {
    if (skip_blanks()) return Frame{Frame::Kind::kPing, {}};
    if (at_ == in_.size()) {
      keep_rest();
      return std::nullopt;
    }
    blanks_ = 0;
  }
  const auto rest = in_.substr(at_);
  if (head_ == 0) {
    broken_ = find_head_end(rest);
    if (broken_ && head_ == 0) return std::unexpected(*broken_);
  }
  if (head_ == 0 || rest.size() < whole_) {
    keep_rest();
    return std::nullopt;
  }
  const auto message = rest.substr(0, whole_);
  at_ += whole_;
  seen_ = head_ = whole_ = 0;
  line_checked_ = false;
  return Frame{Frame::Kind::kMessage, message};
}

}  // namespace lamplighter::sip
