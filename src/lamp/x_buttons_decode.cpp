#include <optional>

#include "lamp/utf8.h"
#include "lamp/x_buttons.h"

namespace lamplighter::lamp {
namespace {

constexpr char kHex[] = "0123456789abcdef";

std::string describe(const TextFault& fault, char byte) {
  const auto bits = static_cast<unsigned char>(byte);
  return std::string(fault.control ? "control character 0x" : "invalid UTF-8 byte 0x") + kHex[bits >> 4] +
         kHex[bits & 0xf] + " at byte " + std::to_string(fault.offset + 1) + ", expected " +
         (fault.control ? "text without control characters" : "UTF-8 text");
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  return "'" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "…'" : "'");
}

/// Reads line by line into the last block; `line_` is what an error points at.
class Decoder {
 public:
  explicit Decoder(XButtonsLimits limits) : limits_(limits) {}

  std::expected<std::vector<KeyBlock>, XButtonsError> decode(std::string_view body) {
    if (body.size() > limits_.bytes) {
      fail("document of " + std::to_string(body.size()) + " bytes, expected at most " + std::to_string(limits_.bytes));
      return std::unexpected(*error_);
    }
    while (!body.empty() && !error_) {
      const auto end = body.find('\n');
      auto line = body.substr(0, end);
      body.remove_prefix(end == body.npos ? body.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      read(line);
      ++line_;
    }
    if (!error_ && blocks_.empty()) fail("no key, expected a line k= with the key's name");
    if (error_) return std::unexpected(std::move(*error_));
    return std::move(blocks_);
  }

 private:
  void read(std::string_view line) {
    if (line.empty()) {
      in_block_ = false;
      return;
    }
    if (const auto fault = find_fault(line)) return fail(describe(*fault, line[fault->offset]));
    if (line.size() < 2 || line[1] != '=') return fail(quoted(line) + ", expected a letter, '=' and a value");
    const char letter = line[0];
    const auto value = line.substr(2);
    if (value.size() > limits_.value) {
      return fail(std::string(1, letter) + "= with " + std::to_string(value.size()) + " bytes, expected at most " +
                  std::to_string(limits_.value));
    }
    if (letter == 'k') return start_block(value);
    if (!in_block_) return fail(quoted(line) + " before the key's name, expected k= first in its block");
    field(letter, value, blocks_.back());
  }

  void start_block(std::string_view name) {
    if (in_block_) return fail("a second k= in one block, expected an empty line before it");
    if (blocks_.size() == limits_.keys) return fail("too many keys, expected at most " + std::to_string(limits_.keys));
    if (const auto checked = check_key_name(name); !checked) return fail("k=" + quoted(name) + ", " + checked.error());
    blocks_.emplace_back().name = name;
    in_block_ = true;
  }

  void field(char letter, std::string_view value, KeyBlock& block) {
    switch (letter) {
      case 'c':
        if (const auto light = light_from(value)) {
          block.key.light = *light;
        } else {
          fail("unknown light " + quoted(value) + ", expected one of " + light_names());
        }
        break;
      case 'o':
        block.key.color = color_from(value);
        if (!block.key.color)
          fail("unknown colour " + quoted(value) + ", expected one of red green orange local remote");
        break;
      case 'a':
        // "toggle" is the server's word: no phone knows it.
        if (const auto press = press_from(value); press && press != Press::kToggle) {
          block.key.press = *press;
        } else {
          fail("unknown action " + quoted(value) + ", expected invite or message");
        }
        break;
      case 'l': block.key.label = value; break;
      case 'n': block.key.number = value; break;
      case 'i': block.extras.caller = value; break;
      case 'd': block.extras.name = value; break;
      case 'b': block.extras.direction = value; break;
      case 'm': block.extras.mailbox = value; break;
      case 'f': block.extras.forward = value; break;
      default: break;  // r= t= x= and what later firmware invents: not ours to judge
    }
  }

  void fail(std::string what) { error_ = XButtonsError{line_, std::move(what)}; }

  XButtonsLimits limits_;
  std::vector<KeyBlock> blocks_;
  bool in_block_ = false;
  std::size_t line_ = 1;
  std::optional<XButtonsError> error_;
};

}  // namespace

std::expected<std::vector<KeyBlock>, XButtonsError> decode_x_buttons(std::string_view body, XButtonsLimits limits) {
  return Decoder(limits).decode(body);
}

std::expected<void, std::string> check_value(std::string_view text, XButtonsLimits limits) {
  if (text.size() > limits.value) {
    return std::unexpected(std::to_string(text.size()) + " bytes, expected at most " + std::to_string(limits.value));
  }
  if (const auto fault = find_fault(text)) return std::unexpected(describe(*fault, text[fault->offset]));
  return {};
}

}  // namespace lamplighter::lamp
