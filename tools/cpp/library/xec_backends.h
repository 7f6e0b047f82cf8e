// The libraries that run networks. A part of the library that programs do not include.

#ifndef XEC_BACKENDS_H
#define XEC_BACKENDS_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "xec_network.h"

namespace xec::detail {

/// ONNX Runtime, for graphs. Throws std::exception.
std::unique_ptr<Backend> open_onnx(const std::string& path, const Options& options);

/// libtorch, for packages of AOTInductor. Throws std::exception.
std::unique_ptr<Backend> open_torch(const std::string& path, const Options& options);

/// Refuse an output that is not float32 or has another shape, that of the events included, than its description says.
/// Throws std::runtime_error.
void check_output(const Output& output, std::size_t n_events, bool is_float, const std::vector<std::int64_t>& shape);

}  // namespace xec::detail

#endif  // XEC_BACKENDS_H
