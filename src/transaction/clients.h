#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/sip_hash.h"
#include "transaction/client_invite.h"
#include "transaction/client_non_invite.h"
#include "transaction/context.h"
#include "transaction/hash_chains.h"
#include "transaction/slab.h"

namespace lamplighter::transaction {

/// The client transactions of a table.
class Clients {
 public:
  Clients(Context& context, std::size_t limit) : context_(context), limit_(limit) {}
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  ClientId request(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner, TimePoint now);
  void cancel(ClientId id, std::string_view headers, TimePoint now);
  void resend(ClientId id, TimePoint now);
  void abandon(ClientId id);
  void on_response(const sip::Message& response, const Flow& flow, TimePoint now);
  void on_timer(Owner owner, Timer timer, TimePoint now);
  void on_flow_closed(const Flow& flow, TimePoint now);
  std::size_t size() const { return slab_.size(); }

 private:
  struct Entry {
    std::variant<ClientNonInvite, ClientInvite> machine;
    Digest128 key;
    std::string request;  ///< and behind it header lines for a CANCEL; once a refusal came, its ACK
    std::uint64_t owner = 0;
    Flow flow;
    Timers timers;
    std::uint32_t request_size = 0;
    bool acknowledged = false;  ///< `request` is the ACK
    bool own = false;           ///< a CANCEL of ours: nobody hears of it

    std::string_view request_bytes() const { return std::string_view(request).substr(0, request_size); }
    std::string_view cancel_headers() const { return std::string_view(request).substr(request_size); }
  };

  ClientId add(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner);
  void begin(ClientId id, TimePoint now);
  ClientId find(const sip::Message& response);
  void run(ClientId id, const Actions& actions, const Event& event);
  void acknowledge(ClientId id, const Event& event);
  void send_cancel(ClientId id, TimePoint now);
  bool send(ClientId id, Entry& entry, const Event& event);
  void release(ClientId id, Entry& entry);
  Entry* get(ClientId id) { return slab_.get(id.slot, id.generation); }
  ClientId name(std::uint32_t slot) const { return {slot, slab_.generation(slot)}; }

  Context& context_;
  std::size_t limit_;
  Slab<Entry> slab_;
  HashChains by_key_;
  HashChains by_connection_;  ///< those on flows that can end
  std::string built_;         ///< scratch: an ACK or CANCEL
  sip::Message invite_;       ///< scratch: what it is built from
};

}  // namespace lamplighter::transaction
