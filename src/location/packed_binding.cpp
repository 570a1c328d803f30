#include "location/packed_binding.h"

#include <array>
#include <chrono>

#include "location/varint.h"

namespace lamplighter::location {

namespace {

// Packed: its length, then: shared number, URI, instance, Call-ID, path, numbers and times, the remote address. Times
// are milliseconds, the later two as what they are later than the one before.

void put_address(std::string& out, const SocketAddress& address) {
  const auto& bytes = address.ip.bytes();
  put_number(out, std::uint64_t{address.port} << 1 | (address.ip.is_v6() ? 1u : 0u));
  for (std::size_t i = 0; i < (address.ip.is_v6() ? bytes.size() : 4); ++i) out += static_cast<char>(bytes[i]);
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
void put_shared(std::string& out, const BindingView& binding) {
  put_number(out, static_cast<std::uint64_t>(binding.flow.kind));
  put_number(out, binding.flow.worker);
  put_number(out, binding.flow.listener);
  put_address(out, binding.flow.local);
  out += binding.user_agent;
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
void put_later(std::string& out, WallTime time, WallTime than) {
  const auto count = [](WallTime t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); };
  put_signed(out, static_cast<std::int64_t>(count(time) - count(than)));
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
  constexpr std::size_t kNumbers = 128;  // all that is not text, and more
  out.reserve(out.size() + kNumbers + binding.uri.size() + binding.instance.size() + binding.call_id.size() +
              binding.path.size() + binding.user_agent.size());
  // The number is looked up by text that is written where the binding will stand.
  const auto begin = out.size();
  put_shared(out, binding);
  const auto number = shared.use(std::string_view(out).substr(begin));
  out.resize(begin);

  put_number(out, number);
  put_text(out, binding.uri);
  put_text(out, binding.instance);
  put_text(out, binding.call_id);
  put_text(out, binding.path);
  put_number(out, std::uint64_t{binding.reg_id} << 1 | (binding.moved ? 1u : 0u));
  put_number(out, binding.cseq);
  put_signed(out, 1000 - binding.q);
  put_number(out, binding.flow.connection);
  put_number(out, binding.flow.generation);
  put_later(out, binding.registered, WallTime{});
  put_later(out, binding.refreshed, binding.registered);
  put_later(out, binding.expires, binding.refreshed);
  put_address(out, binding.flow.remote);

  char length[kLongestNumber];
  const auto* end = write_number(length, out.size() - begin);
  out.insert(begin, length, static_cast<std::size_t>(end - length));
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
