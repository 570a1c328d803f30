#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamplighter::load {

/// What one phone's keys and registration may be after the server's sudden end, judged only by what was sent and what
/// was acknowledged. A write that was acknowledged must be there, or one that was sent later; nothing else may be.
///
/// What a key shows is one text, "on|Label", empty for a key that is not set.
class Ledger {
 public:
  using Keys = std::map<std::string, std::string>;  ///< name → text; what is not set is left out

  /// These keys are about to be written, all or none. `whole`: and all others cleared.
  void writes(const Keys& keys, bool whole);
  /// The write was acknowledged as stored.
  void written();
  /// The write is in force and was not stored; it may be stored later, key by key.
  void postponed() { writing_.clear(); }
  /// The write was refused and changed nothing.
  void unwritten();

  /// A registration, or its end, is about to be sent.
  void registers(bool on);
  void registered();
  void unregistered_as_before();

  /// What is in force as long as the server runs, stored or not: the latest write.
  std::string in_force(std::string_view key) const;
  bool is_registered() const { return registration_.back(); }
  /// Only one state of this key is possible.
  bool is_certain(std::string_view key) const;

  /// What is wrong with the state found, in words; nullopt: it may be.
  std::optional<std::string> check(const Keys& found, bool registered) const;
  /// From here on this is certain.
  void adopt(const Keys& found, bool registered);

 private:
  using States = std::vector<std::string>;  ///< the oldest that is possible first, the one in force last
  static void forget_older(States& states) { states.erase(states.begin(), states.end() - 1); }

  std::map<std::string, States, std::less<>> keys_;
  std::vector<bool> registration_{false};
  std::vector<std::string> writing_;  ///< keys of the write under way
};

}  // namespace lamplighter::load
