// JSON, as far as metadata of xec have it. A part of the library that programs do not include.

#ifndef XEC_JSON_H
#define XEC_JSON_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xec::detail {

struct Json {
  std::string text;  // of a string, a number or a word
  std::vector<std::pair<std::string, Json>> members;
  std::vector<Json> items;

  /// The member of an object, or null.
  const Json* find(std::string_view key) const;
};

/// Throws std::runtime_error that says at which character it is none.
Json read_json(const std::string& text);

/// NaN if it is no number.
double to_number(const std::string& text);

}  // namespace xec::detail

#endif  // XEC_JSON_H
