#pragma once

#include <string_view>

/// What a Snom sends when a key that dials 431 is pressed: the message that the budget of the parser is about.
inline constexpr std::string_view kInvite =
    "INVITE sip:431@192.0.2.1;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-d2b1vgtbfmk5;rport\r\n"
    "From: \"101\" <sip:101@192.0.2.1>;tag=ujs5ofhcqr\r\n"
    "To: <sip:431@192.0.2.1;user=phone>\r\n"
    "Call-ID: 3c2e7d0f7d1d-ab3kw9q1qhlx\r\n"
    "CSeq: 1 INVITE\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:101@192.0.2.7:3072;line=k4x1w7pm>;reg-id=1\r\n"
    "User-Agent: snom370/8.4.35\r\n"
    "Accept: application/sdp\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY, MESSAGE, INFO\r\n"
    "Supported: timer, 100rel, replaces\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 106\r\n"
    "\r\n"
    "v=0\r\no=root 1 1 IN IP4 192.0.2.7\r\ns=call\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 61434 RTP/AVP "
    "8\r\na=sendrecv\r\n";
