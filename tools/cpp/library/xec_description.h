// What the metadata of a file say, and whether they fit. A part of the library that programs do not include.

#ifndef XEC_DESCRIPTION_H
#define XEC_DESCRIPTION_H

#include <string>
#include <string_view>

#include "xec_network.h"

namespace xec::detail {

inline constexpr const char* expected_file = "expected a file written by `xec export`";

/// Read the metadata and refuse those of another format, another geometry, or other units. `path` is for
/// messages. Throws NetworkError.
Description read_description(const Backend& backend, const std::string& path, std::string_view geometry_hash);

/// A message of a library without its line breaks.
std::string one_line(const std::string& text);

}  // namespace xec::detail

#endif  // XEC_DESCRIPTION_H
