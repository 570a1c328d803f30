#include "server/responder.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/random.h"
#include "sip/headers.h"
#include "sip/writer.h"

namespace lamplighter::server {
namespace {

// SipHash-1-3 over several texts, each ended by a zero byte: nobody without the key can foresee or provoke a tag.
class KeyedHash {
 public:
  explicit KeyedHash(const std::array<std::uint64_t, 2>& key)
      : v_{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
           key[1] ^ 0x7465646279746573} {}

  KeyedHash& add(std::string_view text) {
    for (const char c : text) add(static_cast<std::uint8_t>(c));
    add(std::uint8_t{0});
    return *this;
  }

  std::uint64_t finish() {
    compress((length_ << 56) | word_);
    v_[2] ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

 private:
  void add(std::uint8_t byte) {
    word_ |= std::uint64_t{byte} << (8 * (length_ % 8));
    if (++length_ % 8 == 0) compress(std::exchange(word_, 0));
  }
  void compress(std::uint64_t word) {
    v_[3] ^= word;
    round();
    v_[0] ^= word;
  }
  void round() {
    v_[0] += v_[1], v_[1] = std::rotl(v_[1], 13) ^ v_[0], v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[3], v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] += v_[3], v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] += v_[1], v_[1] = std::rotl(v_[1], 17) ^ v_[2], v_[2] = std::rotl(v_[2], 32);
  }

  std::array<std::uint64_t, 4> v_;
  std::uint64_t word_ = 0;
  std::uint64_t length_ = 0;
};

using Tag = std::array<char, 16>;

Tag hex_of(std::uint64_t value) {
  Tag text;
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

// What is the same in every copy of a request, and in its CANCEL: RFC 3261 §9.2 wants one tag for both, so of the CSeq
// the number counts and the method does not.
Tag tag_for(const sip::Message& request, const std::array<std::uint64_t, 2>& key) {
  using sip::HeaderId;
  const auto* from = request.from();
  const auto* via = request.top_via();
  const auto cseq = sip::trim(request.header(HeaderId::kCSeq));
  return hex_of(KeyedHash(key)
                    .add(request.header(HeaderId::kCallId))
                    .add(from ? from->tag() : std::string_view{})
                    .add(cseq.substr(0, cseq.find_first_not_of("0123456789")))
                    .add(via ? via->branch() : std::string_view{})
                    .finish());
}

}  // namespace

Responder::Responder(transaction::Table& table, std::string server_name)
    : table_(table), server_name_(std::move(server_name)), tag_key_{secret_u64(), secret_u64()} {}

void Responder::reply(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
                      std::string_view reason, std::string_view headers, TimePoint now) {
  if (reason.empty()) reason = sip::reason_phrase(status);
  Tag tag;
  std::string_view to_tag;
  if (status > 100) {  // §8.2.6.2: a 100 needs none
    tag = tag_for(request, tag_key_);
    to_tag = {tag.data(), tag.size()};
  }
  auto response = sip::begin_response(buffer_, request, status, reason, to_tag, flow.remote);
  if (!server_name_.empty()) response.header("Server", server_name_);
  response.raw(headers).no_body();
  table_.respond(id, status, buffer_, now);
}

}  // namespace lamplighter::server
