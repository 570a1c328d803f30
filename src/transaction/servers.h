#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "transaction/context.h"
#include "transaction/hash_chains.h"
#include "transaction/keys.h"
#include "transaction/server_invite.h"
#include "transaction/server_non_invite.h"
#include "transaction/slab.h"

namespace lamplighter::transaction {

/// The server transactions of a table.
class Servers {
 public:
  Servers(Context& context, std::size_t limit) : context_(context), limit_(limit) {}
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  /// False: full.
  bool on_request(const sip::Message& request, const Flow& flow, TimePoint now);
  bool has(const sip::Message& request);
  void on_timer(Owner owner, Timer timer, TimePoint now);
  void on_flow_closed(const Flow& flow, TimePoint now);
  void respond(ServerId id, int status, std::string_view bytes, TimePoint now);
  std::optional<Flow> flow_of(ServerId id) const;
  std::size_t size() const { return slab_.size(); }

 private:
  struct Entry {
    std::variant<ServerNonInvite, ServerInvite> machine;
    ServerKey key;
    std::string response;  ///< the latest, for retransmissions
    Flow flow;
    Timers timers;
  };

  void on_ack(const sip::Message& ack, const Flow& flow, TimePoint now);
  ServerId find(const sip::Message& request, std::string_view method);
  ServerId find_acknowledged(const sip::Message& ack);
  ServerId add(const sip::Message& request, const Flow& flow);
  void run(ServerId id, const Actions& actions, const Event& event);
  void deliver(ServerId id, const Event& event);
  void send(ServerId id, Entry& entry, const Event& event);
  void release(ServerId id, Entry& entry);
  Entry* get(ServerId id) { return slab_.get(id.slot, id.generation); }
  ServerId name(std::uint32_t slot) const { return {slot, slab_.generation(slot)}; }

  Context& context_;
  std::size_t limit_;
  Slab<Entry> slab_;
  HashChains by_key_;
  HashChains by_connection_;  ///< those on flows that can end
  ServerKey key_;             ///< looked for last; good until the next find()
};

}  // namespace lamplighter::transaction
