#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/flow.h"
#include "base/sender.h"
#include "base/sip_hash.h"
#include "sip/message.h"
#include "sip/writer.h"
#include "transaction/table.h"

namespace lamplighter::server {

/// Answers requests through their server transactions. One per worker; reuses its buffer.
class Responder {
 public:
  /// `server_name` goes into the Server header; empty: none.
  Responder(transaction::Table& table, std::string server_name);

  /// Sends a response without body. `reason` empty: the customary one. `headers`: whole extra lines ("Min-Expires:
  /// 60\r\n"). Finals get a To tag that stays the same for the same request.
  void reply(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
             std::string_view reason, std::string_view headers, TimePoint now);

  /// For an answer that is given when the request is no longer at hand: the lines that every final response to it has.
  std::string head_of(const sip::Message& request, const Flow& flow);
  /// Sends a final response that begins with these.
  void reply(transaction::ServerId id, std::string_view head, int status, std::string_view reason,
             std::string_view headers, TimePoint now);

  /// Sends a final response without a transaction, `back` the way to the peer: for a request that shall cost nothing
  /// more (RFC 3261 §8.2.7).
  void refuse(Sender& sender, const sip::Message& request, const Flow& flow, const Flow& back, int status,
              std::string_view headers);

 private:
  sip::Writer begin(const sip::Message& request, const Flow& flow, int status, std::string_view reason);

  transaction::Table& table_;
  std::string server_name_;
  std::string buffer_;
  std::string tag_;
  SipHash::Key tag_key_;
};

}  // namespace lamplighter::server
