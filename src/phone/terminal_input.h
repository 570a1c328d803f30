#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lamplighter::phone {

/// Makes sense of the bytes a terminal in raw mode sends: a line being typed, with editing and history, and function
/// keys.
class TerminalInput {
 public:
  struct FunctionKey {
    int number;  ///< 1 to 12
    friend bool operator==(const FunctionKey&, const FunctionKey&) = default;
  };
  struct Line {
    std::string text;
    friend bool operator==(const Line&, const Line&) = default;
  };
  /// Ctrl-C, or Ctrl-D on an empty line.
  struct Leave {
    friend bool operator==(const Leave&, const Leave&) = default;
  };
  using Input = std::variant<FunctionKey, Line, Leave>;

  /// Takes what was read; an escape sequence may come in pieces.
  std::vector<Input> feed(std::string_view bytes);

  /// The line as typed so far, and where in it the cursor stands (bytes).
  const std::string& line() const { return line_; }
  std::size_t cursor() const { return cursor_; }

 private:
  void escape(std::string_view sequence, std::vector<Input>& out);
  void control(char c, std::vector<Input>& out);
  void recall(int step);
  void move(int step);
  void erase_before();

  std::string line_;
  std::size_t cursor_ = 0;
  std::string escape_;  ///< an escape sequence begun
  std::vector<std::string> history_;
  std::size_t recalled_ = 0;
};

}  // namespace lamplighter::phone
