#include "load/hearing.h"

#include <utility>

namespace lamplighter::load {

Hearing::Hearing(Generator& generator, Moments moments)
    : generator_(generator), moments_(std::move(moments)), told_(generator.phones()), left_(generator.phones()) {}

void Hearing::heard(std::uint32_t phone) {
  last_ = std::chrono::steady_clock::now();
  if (first_ == TimePoint{}) {
    first_ = last_;
    if (moments_.first) moments_.first();
  }
  after_first_.add(last_ - first_);
  if (told_[phone]) return;
  told_[phone] = true;
  if (--left_ == 0 && moments_.all) moments_.all();
}

bool Hearing::content() const { return left_ == 0 && std::chrono::steady_clock::now() - last_ >= quiet_; }

Result Hearing::run(std::chrono::milliseconds longest, std::chrono::milliseconds quiet) {
  quiet_ = quiet;
  auto result = generator_.listen(*this, longest);
  result.mode = Mode::kLamps;
  result.phones = generator_.phones();
  result.done = generator_.phones() - left_;
  result.unfinished = left_;
  result.seconds = std::max(std::chrono::duration<double>(last_ - first_).count(), 1e-6);
  result.lamp = after_first_;
  return result;
}

}  // namespace lamplighter::load
