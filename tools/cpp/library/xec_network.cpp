#include "xec_network.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "xec_backends.h"
#include "xec_description.h"

namespace xec {
namespace {

constexpr float invalid_above = 9e9F;
// The event and its three reflections.
constexpr std::size_t n_mirrors = 4;

// A format of `xec export --format`, and what runs it.
struct Format {
  std::string_view suffix;
  const char* library;
  const char* option;  // of CMake
  std::unique_ptr<Backend> (*open)(const std::string&, const Options&);
};

#ifdef XEC_WITH_ONNXRUNTIME
constexpr auto with_onnxruntime = detail::open_onnx;
#else
constexpr std::nullptr_t with_onnxruntime = nullptr;
#endif
#ifdef XEC_WITH_TORCH
constexpr auto with_torch = detail::open_torch;
#else
constexpr std::nullptr_t with_torch = nullptr;
#endif

constexpr Format formats[] = {{".onnx", "ONNX Runtime", "XEC_WITH_ONNXRUNTIME", with_onnxruntime},
                              {".pt2", "libtorch", "XEC_WITH_TORCH", with_torch}};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

const Format& format_of(const std::string& path) {
  for (const Format& format : formats)
    if (ends_with(path, format.suffix)) return format;
  throw NetworkError(path + ": expected a name that ends in .onnx or .pt2, of a file written by `xec export`");
}

std::unique_ptr<Backend> open(const std::string& path, const Options& options) {
  if (options.threads < 0) throw NetworkError("threads is " + std::to_string(options.threads) + ", expected 0 or more");
  const Format& format = format_of(path);
  if (!format.open)
    throw NetworkError(path + ": this program is built without " + format.library + "; expected cmake -D" +
                       format.option + "=ON");
  if (std::ifstream(path, std::ios::binary).peek() == std::ifstream::traits_type::eof())
    throw NetworkError(path + ": missing, empty, or not to be read; " + detail::expected_file);
  try {
    return format.open(path, options);
  } catch (const std::exception& error) {
    throw NetworkError(path + ": cannot be opened; " + detail::expected_file + " (" + format.library + " says: " +
                       detail::one_line(error.what()) + ")");
  }
}

}  // namespace

namespace detail {

void check_output(const Output& output, std::size_t n_events, bool is_float, const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> expected{static_cast<std::int64_t>(n_events)};
  for (const std::size_t axis : output.shape) expected.push_back(static_cast<std::int64_t>(axis));
  if (!is_float || shape != expected)
    throw std::runtime_error("the output '" + output.name + "' has another shape than its description");
}

}  // namespace detail

std::size_t Output::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

Predictions::Predictions(std::size_t n_events, const std::vector<Output>& outputs) : n_events_(n_events) {
  for (const Output& output : outputs) values_.emplace_back(n_events * output.size());
}

float Predictions::at(std::size_t output, std::size_t event, std::size_t place) const {
  const std::vector<float>& values = values_.at(output);
  if (event >= n_events_ || place >= values.size() / n_events_)
    throw std::out_of_range("no event " + std::to_string(event) + " with a number " + std::to_string(place));
  return values[event * (values.size() / n_events_) + place];
}

Network::Network(const std::string& path, std::string_view geometry_hash, const Options& options)
    : Network(open(path, options), path, geometry_hash, options) {}

Network::Network(std::unique_ptr<Backend> backend, const std::string& path, std::string_view geometry_hash,
                 const Options& options)
    : backend_(std::move(backend)), path_(path), batch_(options.batch) {
  description_ = detail::read_description(*backend_, path_, geometry_hash);
  // A graph that averages makes several events of each.
  if (description_.mirror_average) batch_ /= n_mirrors;
  batch_ = std::max<std::size_t>(batch_, 1);
  try {
    backend_->load();
  } catch (const std::exception& error) {
    throw NetworkError(path_ + ": cannot be loaded: " + detail::one_line(error.what()));
  }
  // Names and shapes are those of the description, or the job ends now and not at its first event.
  const std::vector<float> nothing(description_.n_sensors, no_reading), none(description_.n_sensors, 0);
  std::vector<const float*> inputs(description_.inputs.size(), none.data());
  inputs[0] = inputs[1] = nothing.data();
  predict_inputs(inputs, 1);
}

std::size_t Network::index_of(std::string_view output) const {
  std::string names;
  for (std::size_t i = 0; i < description_.outputs.size(); ++i) {
    const std::string& name = description_.outputs[i].name;
    if (name == output) return i;
    names += (i ? ", " : "") + name;
  }
  throw NetworkError(path_ + ": the network has no output '" + std::string(output) + "'; it has " + names);
}

Predictions Network::predict(const std::vector<float>& npho, const std::vector<float>& time) const {
  return predict_vectors({&npho, &time});
}

Predictions Network::predict(const std::vector<float>& npho, const std::vector<float>& time,
                             const std::vector<float>& flags) const {
  return predict_vectors({&npho, &time, &flags});
}

Predictions Network::predict_vectors(const std::vector<const std::vector<float>*>& inputs) const {
  const std::size_t n_sensors = description_.n_sensors, size = inputs[0]->size();
  std::vector<const float*> pointers;
  std::string sizes;
  bool fits = size % n_sensors == 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    pointers.push_back(inputs[i]->data());
    fits = fits && inputs[i]->size() == size;
    const std::string name = i < description_.inputs.size() ? description_.inputs[i] : "another";
    sizes += (i ? ", " : "") + name + " " + std::to_string(inputs[i]->size());
  }
  if (!fits)
    throw NetworkError("the inputs have different or incomplete numbers of readings: " + sizes + "; expected " +
                       std::to_string(n_sensors) + " an event of each");
  return predict_inputs(pointers, size / n_sensors);
}

Predictions Network::predict_inputs(const std::vector<const float*>& inputs, std::size_t n_events) const {
  const std::size_t n_sensors = description_.n_sensors;
  const auto& outputs = description_.outputs;
  if (inputs.size() != description_.inputs.size()) {
    std::string names;
    for (const std::string& name : description_.inputs) names += (names.empty() ? "" : ", ") + name;
    throw NetworkError(path_ + ": got " + std::to_string(inputs.size()) + " inputs; the network takes " + names);
  }
  Predictions predictions(n_events, outputs);
  std::vector<const float*> part(inputs.size());
  std::vector<float*> results(outputs.size());
  for (std::size_t first = 0; first < n_events; first += batch_) {
    const std::size_t n = std::min(batch_, n_events - first);
    for (std::size_t i = 0; i < inputs.size(); ++i) part[i] = inputs[i] + first * n_sensors;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      results[i] = predictions.values(i).data() + first * outputs[i].size();
    try {
      backend_->run(description_, n, part, results);
    } catch (const std::exception& error) {
      throw NetworkError(path_ + ": the network cannot be run for " + std::to_string(n) + " events: " +
                         detail::one_line(error.what()));
    }
  }
  return predictions;
}

void make_relative(float* time, std::size_t n_sensors) {
  // NaN compares false with everything: one comparison finds all invalid readings.
  const auto is_valid = [](float t) { return std::abs(t) <= invalid_above; };
  float earliest = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < n_sensors; ++i)
    if (is_valid(time[i])) earliest = std::min(earliest, time[i]);
  for (std::size_t i = 0; i < n_sensors; ++i)
    if (is_valid(time[i])) time[i] -= earliest;
}

}  // namespace xec
