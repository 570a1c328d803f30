#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "lamp/keyboard.h"
#include "lamp/phones.h"
#include "proof/history.h"
#include "service/lamp_desk.h"

namespace lamplighter::proof {

/// What was promised and not kept. The letters are those of docs/proof.md.
struct Failure {
  char invariant = 0;
  std::string what;
};

/// What the disk holds at a moment: what a restart can know.
struct Durable {
  std::map<std::pair<std::string, unsigned>, lamp::KeyState> keys;       ///< aor, key
  std::set<std::tuple<std::string, unsigned, std::uint64_t>> confirmed;  ///< contact URI, key, version
};

/// Whether a phone that was sent this desired state shows this.
bool shows(const std::optional<lamp::Key>& desired, const lamp::Key& shown);

/// Judges a server by what stands on the wire, what phones show, and the changes in the order they were made. The
/// first promise that is broken is kept.
class Oracle {
 public:
  /// `aors`: whose each phone is; the first phone is number 1.
  Oracle(const Clock& clock, std::vector<std::string> aors);

  const std::optional<Failure>& failure() const { return failure_; }
  void fail(char invariant, std::string what);

  // --- The server
  void crashed(const Durable& durable);
  void started();
  /// A change that is in force from now on; again when the store is asked once more.
  void changed(const service::DeskRecord& record);
  /// An API write was answered with success.
  void acknowledged(const std::string& aor, unsigned key, std::uint64_t version);
  void server_sends(const SocketAddress& to, std::string_view bytes);
  void server_takes(const SocketAddress& from, std::string_view bytes);
  void taken() { press_at_hand_ = nullptr; }
  void disk_fails() { disk_failed_ = true; }
  /// The wall clock was set: the next start sees it.
  void clock_jumps() { clock_jumped_ = true; }

  // --- Phones
  void phone_is_at(unsigned phone, const SocketAddress& address);
  void phone_shows(unsigned phone, const std::string& key, const lamp::Key& shown);
  void phone_boots(unsigned phone);

  // --- At rest
  /// The newest change of a key that no crash has undone; nullptr: there was none.
  const lamp::KeyState* desired(const std::string& aor, unsigned key) const;
  /// A phone shows, or will, a state that was sent while the disk failed, and the server crashed before it was stored
  /// after all: the one loss that the API warns of (503). No restart can know; the next change mends it.
  bool is_undone(const std::string& aor, unsigned key) const;
  const std::string& aor_of(unsigned phone) const { return phones_[phone - 1].aor; }

 private:
  struct Changes {
    std::vector<lamp::KeyState> all;   ///< by version
    std::vector<lamp::KeyState> lost;  ///< undone by a crash while the disk failed
    std::uint64_t acknowledged = 0;
    std::optional<std::uint64_t> undone;  ///< see is_undone(): over this version
  };
  /// The latest request for a key to a phone.
  struct Told {
    std::string branch;
    lamp::Key content;
    std::uint64_t version = 0;  ///< desired when it was sent
    bool confirmed = false;     ///< the 2xx has reached the server
  };
  /// A MESSAGE to a phone.
  struct Request {
    SocketAddress to;
    std::string contact;  ///< Request-URI
    TimePoint first{};
    unsigned news = 0;  ///< Phone::news then
    bool answered = false;
    bool given_up = false;
    std::optional<TimePoint> known = {};  ///< it was to a stranger, who by now is known to be the phone
  };
  struct KeyOfPhone {
    std::uint64_t floor = 0;         ///< the version it shows, at least
    std::optional<lamp::Key> shown;  ///< what it shows
    std::optional<Told> told;
  };
  struct Phone {
    std::string aor;
    std::string registered;                    ///< Contact URI of the last REGISTER that was accepted
    std::string wanted;                        ///< of the last one that was taken
    std::string life;                          ///< Call-ID of the last REGISTER the server took
    SocketAddress heard_from;                  ///< where its last request came from
    std::map<SocketAddress, TimePoint> heard;  ///< its latest request from there
    unsigned news = 0;                         ///< counts the changes of these
    bool registering = false;                  ///< a REGISTER was taken and not answered yet
    bool booted = false;                       ///< and it was the first of a new life
    std::array<KeyOfPhone, kKeys + 1> keys;
    std::map<std::string, Request, std::less<>> requests;  ///< by branch, of this server's life
  };
  /// A press or dialled code: one Call-ID, CSeq and From tag.
  struct Press {
    bool once = false;                                                  ///< doing it twice would be wrong
    std::set<SocketAddress> taken_from;                                 ///< in this life of the server
    std::vector<std::tuple<std::string, unsigned, std::uint64_t>> did;  ///< aor, key, version
  };

  Changes& changes(const std::string& aor, unsigned key) { return changes_[{aor, key}]; }
  void learn_of_move(Phone& phone);
  void learn_of_boot(Phone& phone);
  Phone* phone_at(const SocketAddress& address);
  void take_response(Phone& phone, std::string_view bytes);
  void take_press(Phone& phone, const SocketAddress& from, std::string_view bytes);
  std::string name_of(const Phone& phone) const;

  const Clock& clock_;
  std::optional<Failure> failure_;
  bool disk_failed_ = false;
  bool clock_jumped_ = false;
  std::vector<Phone> phones_;
  std::map<SocketAddress, unsigned> owners_;  ///< whoever had an address last
  std::map<std::pair<std::string, unsigned>, Changes> changes_;
  std::map<std::string, Press> presses_;
  std::string press_name_;
  Press* press_at_hand_ = nullptr;
};

}  // namespace lamplighter::proof
