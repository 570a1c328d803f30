#include "transaction/table.h"

#include "transaction/clients.h"
#include "transaction/context.h"
#include "transaction/servers.h"

namespace lamplighter::transaction {

struct Table::Impl {
  Impl(const Context& shared, Limits limits)
      : context(shared), servers(context, limits.servers), clients(context, limits.clients) {}

  Context context;
  Servers servers;
  Clients clients;
};

Table::Table(Sender& sender, TimerWheel& wheel, TransactionUser& user, TimerBase timers, std::uint32_t first_kind,
             const SipHash::Key& secret, Limits limits)
    : impl_(std::make_unique<Impl>(Context{.sender = sender,
                                           .wheel = wheel,
                                           .user = user,
                                           .timers = timers,
                                           .first_kind = first_kind,
                                           .secret = secret},
                                   limits)) {}

Table::~Table() = default;

bool Table::on_message(const sip::Message& message, const Flow& flow, TimePoint now) {
  if (message.is_request()) return impl_->servers.on_request(message, flow, now);
  if (message.is_response()) impl_->clients.on_response(message, flow, now);
  return true;
}

bool Table::has(const sip::Message& request) { return impl_->servers.has(request); }

void Table::on_timer(std::uint64_t owner, std::uint32_t kind, TimePoint now) {
  const auto whose = Owner::unpack(owner);
  const auto timer = static_cast<Timer>(kind - impl_->context.first_kind);
  if (whose.server) {
    impl_->servers.on_timer(whose, timer, now);
  } else {
    impl_->clients.on_timer(whose, timer, now);
  }
}

void Table::on_flow_closed(const Flow& flow, TimePoint now) {
  if (!is_reliable(flow.kind)) return;
  impl_->servers.on_flow_closed(flow, now);
  impl_->clients.on_flow_closed(flow, now);
}

void Table::respond(ServerId id, int status, std::string_view bytes, TimePoint now) {
  impl_->servers.respond(id, status, bytes, now);
}

ClientId Table::request(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner,
                        TimePoint now) {
  return impl_->clients.request(flow, method, bytes, owner, now);
}

void Table::cancel(ClientId id, std::string_view headers, TimePoint now) { impl_->clients.cancel(id, headers, now); }

void Table::resend(ClientId id, TimePoint now) { impl_->clients.resend(id, now); }

void Table::abandon(ClientId id) { impl_->clients.abandon(id); }

std::optional<Flow> Table::flow_of(ServerId id) const { return impl_->servers.flow_of(id); }

std::size_t Table::servers() const { return impl_->servers.size(); }
std::size_t Table::clients() const { return impl_->clients.size(); }
const Table::Counters& Table::counters() const { return impl_->context.counters; }

}  // namespace lamplighter::transaction
