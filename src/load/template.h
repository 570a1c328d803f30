#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamplighter::load {

/// What changes from one message to the next, or from one run to the next.
enum class Slot : std::uint8_t {
  kServer,    ///< {server}   127.0.0.1:5060
  kDomain,    ///< {domain}   127.0.0.1
  kUser,      ///< {user}     1000
  kDial,      ///< {dial}     431
  kUri,       ///< {uri}      a request-URI
  kLocal,     ///< {local}    127.0.0.1:40000
  kBranch,    ///< {branch}   z9hG4bK...
  kTag,       ///< {tag}
  kCallId,    ///< {callid}
  kSequence,  ///< {cseq}
  kInstance,  ///< {instance} of +sip.instance
  kAgent,     ///< {agent}    User-Agent
  kExpires,   ///< {expires}
  kAuth,      ///< {auth}     a whole Authorization line with its CRLF, or nothing
  kTo,        ///< {to}       a whole To line with its CRLF
  kRoute,     ///< {route}    whole Route lines, or nothing
  kCount_,
};
using Values = std::array<std::string_view, static_cast<std::size_t>(Slot::kCount_)>;

inline std::string_view& at(Values& values, Slot slot) { return values[static_cast<std::size_t>(slot)]; }

/// A message text cut at its holes once, so that writing one is a few copies and no formatting.
class Template {
 public:
  /// `text` has holes like {user}, one of the names above; lines may end in LF and are given CRLF. Values in `fixed`
  /// that are not empty are filled in here, for good. Throws std::invalid_argument for an unknown name.
  Template(std::string_view text, const Values& fixed);

  /// Appends the message with the other holes filled.
  void render(std::string& out, const Values& values) const {
    for (const auto& piece : pieces_) {
      out += piece.text;
      if (piece.slot != Slot::kCount_) out += values[static_cast<std::size_t>(piece.slot)];
    }
  }

 private:
  struct Piece {
    std::string text;
    Slot slot = Slot::kCount_;  ///< filled in after the text; kCount_: nothing
  };
  std::vector<Piece> pieces_;
};

}  // namespace lamplighter::load
