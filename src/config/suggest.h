#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace lamplighter::config {

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour to make one word the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that `word` was probably meant to be; none when nothing is near.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace lamplighter::config
