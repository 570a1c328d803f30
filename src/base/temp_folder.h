#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace lamplighter {

/// A folder of its own for a test, gone at the end.
class TempFolder {
 public:
  TempFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "lamplighter-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string file(const std::string& name = "lamplighter.db") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace lamplighter
