#include "location/packed_binding.h"

#include <array>
#include <chrono>
#include <cstring>

#include "location/varint.h"

namespace lamplighter::location {

namespace {

// Packed: its length, then: shared number, URI, instance, Call-ID, path, numbers and times, the remote address. Times
// are milliseconds, the later two as what they are later than the one before.

void write_address(Pen& pen, const SocketAddress& address) {
  const bool v6 = address.ip.is_v6();
  pen.number(std::uint64_t{address.port} << 1 | (v6 ? 1u : 0u));
  pen.bytes(address.ip.bytes().data(), v6 ? address.ip.bytes().size() : 4);
}

SocketAddress address(Cursor& from) {
  const auto number = from.number();
  const bool v6 = (number & 1) != 0;
  std::array<std::uint8_t, 16> bytes{};
  const auto text = from.bytes(v6 ? bytes.size() : 4);
  for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = static_cast<std::uint8_t>(text[i]);
  SocketAddress out;
  out.port = static_cast<std::uint16_t>(number >> 1);
  if (v6) {
    out.ip = IpAddress::v6(bytes);
  } else {
    out.ip = IpAddress::v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                           std::uint32_t{bytes[2]} << 8 | bytes[3]);
  }
  return out;
}

// What phones have in common.
void write_shared(Pen& pen, const BindingView& binding) {
  pen.number(static_cast<std::uint64_t>(binding.flow.kind));
  pen.number(binding.flow.worker);
  pen.number(binding.flow.listener);
  write_address(pen, binding.flow.local);
  pen.bytes(binding.user_agent.data(), binding.user_agent.size());
}

void read_shared(std::string_view text, BindingView& binding) {
  Cursor from(text.data());
  binding.flow.kind = static_cast<TransportKind>(from.number());
  binding.flow.worker = static_cast<std::uint8_t>(from.number());
  binding.flow.listener = static_cast<std::uint16_t>(from.number());
  binding.flow.local = address(from);
  binding.user_agent = text.substr(static_cast<std::size_t>(from.at() - text.data()));
}

// Whatever times somebody made up: without overflow.
void write_later(Pen& pen, WallTime time, WallTime than) {
  const auto count = [](WallTime t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); };
  pen.signed_number(static_cast<std::int64_t>(count(time) - count(than)));
}

WallTime later(Cursor& from, WallTime than) {
  const auto count = static_cast<std::uint64_t>(than.time_since_epoch().count());
  return WallTime{
      std::chrono::milliseconds{static_cast<std::int64_t>(count + static_cast<std::uint64_t>(from.signed_number()))}};
}

Cursor inside(std::string_view packed) {
  Cursor from(packed.data());
  from.number();
  return from;
}

}  // namespace

BindingView view_of(const Binding& binding) {
  return {.uri = binding.uri,
          .instance = binding.instance,
          .reg_id = binding.reg_id,
          .call_id = binding.call_id,
          .cseq = binding.cseq,
          .user_agent = binding.user_agent,
          .path = binding.path,
          .q = binding.q,
          .flow = binding.flow,
          .registered = binding.registered,
          .refreshed = binding.refreshed,
          .expires = binding.expires,
          .moved = false};
}

void BindingView::copy_to(Binding& out) const {
  out.uri = uri;
  out.instance = instance;
  out.reg_id = reg_id;
  out.call_id = call_id;
  out.cseq = cseq;
  out.user_agent = user_agent;
  out.path = path;
  out.q = q;
  out.flow = flow;
  out.registered = registered;
  out.refreshed = refreshed;
  out.expires = expires;
}

void pack(const BindingView& binding, SharedTexts& shared, std::string& out) {
  constexpr std::size_t kNumbers = 256;  // more than all that is not text takes
  const auto begin = out.size();
  out.resize(begin + kNumbers + binding.uri.size() + binding.instance.size() + binding.call_id.size() +
             binding.path.size() + binding.user_agent.size());
  auto* const start = out.data() + begin;
  Pen common(start);
  write_shared(common, binding);
  const auto number = shared.use({start, static_cast<std::size_t>(common.at() - start)});

  auto* const body = start + kLongestNumber;  // until its length is known
  Pen pen(body);
  pen.number(number);
  pen.text(binding.uri);
  pen.text(binding.instance);
  pen.text(binding.call_id);
  pen.text(binding.path);
  pen.number(std::uint64_t{binding.reg_id} << 1 | (binding.moved ? 1u : 0u));
  pen.number(binding.cseq);
  pen.signed_number(1000 - binding.q);
  pen.number(binding.flow.connection);
  pen.number(binding.flow.generation);
  write_later(pen, binding.registered, WallTime{});
  write_later(pen, binding.refreshed, binding.registered);
  write_later(pen, binding.expires, binding.refreshed);
  write_address(pen, binding.flow.remote);

  const auto size = static_cast<std::size_t>(pen.at() - body);
  auto* const behind = write_number(start, size);
  std::memmove(behind, body, size);
  out.resize(static_cast<std::size_t>(behind - out.data()) + size);
}

Packed Packed::at(const char* begin) {
  Cursor from(begin);
  const auto length = from.number();
  return {std::string_view(begin, static_cast<std::size_t>(from.at() - begin) + length)};
}

std::string_view Packed::uri() const {
  auto from = inside(bytes);
  from.number();
  return from.text();
}

BindingView Packed::view(const SharedTexts& shared) const {
  auto from = inside(bytes);
  BindingView binding;
  read_shared(shared[static_cast<std::uint32_t>(from.number())], binding);
  binding.uri = from.text();
  binding.instance = from.text();
  binding.call_id = from.text();
  binding.path = from.text();
  const auto id_and_moved = from.number();
  binding.reg_id = static_cast<std::uint32_t>(id_and_moved >> 1);
  binding.moved = (id_and_moved & 1) != 0;
  binding.cseq = static_cast<std::uint32_t>(from.number());
  binding.q = static_cast<std::int16_t>(1000 - from.signed_number());
  binding.flow.connection = static_cast<std::uint32_t>(from.number());
  binding.flow.generation = static_cast<std::uint32_t>(from.number());
  binding.registered = later(from, WallTime{});
  binding.refreshed = later(from, binding.registered);
  binding.expires = later(from, binding.refreshed);
  binding.flow.remote = address(from);
  return binding;
}

void Packed::unshare(SharedTexts& shared) const { shared.leave(static_cast<std::uint32_t>(inside(bytes).number())); }

}  // namespace lamplighter::location
