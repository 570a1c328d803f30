#include "phone/sdp.h"

#include <fmt/format.h>

namespace lamplighter::phone {

std::string session_description(const IpAddress& address, std::uint64_t id, std::uint64_t version) {
  const auto* family = address.is_v6() ? "IP6" : "IP4";
  const auto host = address.to_string();
  return fmt::format(
      "v=0\r\n"
      "o=- {} {} IN {} {}\r\n"
      "s=call\r\n"
      "c=IN {} {}\r\n"
      "t=0 0\r\n"
      "m=audio 9 RTP/AVP 8 0\r\n"
      "a=rtpmap:8 PCMA/8000\r\n"
      "a=rtpmap:0 PCMU/8000\r\n"
      "a=inactive\r\n",
      id, version, family, host, family, host);
}

}  // namespace lamplighter::phone
