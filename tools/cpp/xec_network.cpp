#include "xec_network.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <locale>
#include <sstream>
#include <utility>

namespace xec {
namespace {

constexpr const char* known_format = "1";
constexpr const char* npho_unit = "photons";
constexpr const char* time_unit = "s";
constexpr float invalid_above = 9e9F;
// The event and its three reflections.
constexpr std::size_t n_mirrors = 4;

std::string one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line, word;
  while (words >> word) line += line.empty() ? word : " " + word;
  return line;
}

// ---------------------------------------------------------------------------------------------------------------
// JSON, as far as metadata of xec have it.

struct Json {
  std::string text;  // of a string, a number or a word
  std::vector<std::pair<std::string, Json>> members;
  std::vector<Json> items;

  const Json* find(std::string_view key) const {
    for (const auto& [name, value] : members)
      if (name == key) return &value;
    return nullptr;
  }
};

class JsonReader {
 public:
  explicit JsonReader(const std::string& text) : text_(text) {}

  Json read() {
    Json value = read_value(0);
    if (peek() != '\0') fail();
    return value;
  }

 private:
  // Deeper than any metadata: a damaged file must not exhaust the stack.
  static constexpr int deepest = 32;

  [[noreturn]] void fail() const {
    throw std::runtime_error("no JSON at character " + std::to_string(at_) + ": " + text_.substr(0, 60));
  }

  char peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char expected) {
    if (peek() != expected) return false;
    ++at_;
    return true;
  }

  void require(char expected) {
    if (!take(expected)) fail();
  }

  Json read_value(int depth) {
    if (depth > deepest) fail();
    Json value;
    if (take('{')) {
      for (bool more = !take('}'); more; more = take(',') || (require('}'), false)) {
        require('"');
        std::string key = read_string();
        require(':');
        value.members.emplace_back(std::move(key), read_value(depth + 1));
      }
    } else if (take('[')) {
      for (bool more = !take(']'); more; more = take(',') || (require(']'), false))
        value.items.push_back(read_value(depth + 1));
    } else if (take('"')) {
      value.text = read_string();
    } else {
      const std::size_t start = at_;
      while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
      value.text = text_.substr(start, at_ - start);
      if (value.text.empty()) fail();
    }
    return value;
  }

  std::string read_string() {
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return result;
      if (c != '\\') {
        result += c;
        continue;
      }
      if (at_ >= text_.size()) break;
      const char escaped = text_[at_++];
      constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
      const std::size_t place = letters.find(escaped);
      if (escaped == 'u')
        append_utf8(result, read_code_point());
      else
        result += place == std::string_view::npos ? escaped : meanings[place];
    }
    fail();
  }

  std::uint32_t read_hex() {
    if (at_ + 4 > text_.size()) fail();
    const std::string digits = text_.substr(at_, 4);
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) fail();
    at_ += 4;
    return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
  }

  std::uint32_t read_code_point() {
    const std::uint32_t first = read_hex();
    // Characters beyond 16 bits are written as two halves.
    if (first < 0xD800 || first > 0xDBFF || text_.compare(at_, 2, "\\u") != 0) return first;
    at_ += 2;
    return 0x10000 + ((first - 0xD800) << 10) + ((read_hex() - 0xDC00) & 0x3FF);
  }

  static void append_utf8(std::string& text, std::uint32_t code) {
    const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0 | (code >> 6));
      add(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      add(0xE0 | (code >> 12));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    } else {
      add(0xF0 | (code >> 18));
      add(0x80 | ((code >> 12) & 0x3F));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    }
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

double to_number(const std::string& text) {
  // Programs with ROOT or a window may have set a locale that writes numbers with a comma.
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double number = 0;
  return stream >> number && stream.eof() ? number : std::numeric_limits<double>::quiet_NaN();
}

// ---------------------------------------------------------------------------------------------------------------
// Metadata.

class Metadata {
 public:
  Metadata(const Backend& backend, const std::string& path) : backend_(backend), path_(path) {}

  std::string text(const std::string& key) const {
    const auto value = backend_.metadata(key);
    if (!value) throw NetworkError(path_ + ": the metadata lack the key '" + key + "'; " + expected());
    return *value;
  }

  std::string text_or(const std::string& key, const std::string& otherwise) const {
    return backend_.metadata(key).value_or(otherwise);
  }

  Json json(const std::string& key) const {
    try {
      return JsonReader(text(key)).read();
    } catch (const NetworkError&) {
      throw;
    } catch (const std::exception& error) {
      throw NetworkError(path_ + ": the metadata's key '" + key + "': " + one_line(error.what()));
    }
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& wanted) const {
    throw NetworkError(path_ + ": the metadata's key '" + key + "' is '" + one_line(text(key)).substr(0, 60) +
                       "', expected " + wanted);
  }

  static std::string expected() { return "expected a file written by `xec export`"; }

 private:
  const Backend& backend_;
  const std::string& path_;
};

std::vector<Output> read_outputs(const Metadata& metadata) {
  const std::string key = "outputs";
  std::vector<Output> outputs;
  for (const Json& item : metadata.json(key).items) {
    const Json *name = item.find("name"), *columns = item.find("columns"), *unit = item.find("unit");
    const Json *units = item.find("column_units"), *scale = item.find("scale");
    if (!name || !columns || !unit || name->text.empty() || columns->items.empty())
      metadata.refuse(key, "outputs with name, columns and unit");
    Output output{name->text, {}};
    for (std::size_t i = 0; i < columns->items.size(); ++i) {
      const bool own_unit = units && i < units->items.size();
      const bool has_scale = scale && i < scale->items.size();
      output.columns.push_back({columns->items[i].text, own_unit ? units->items[i].text : unit->text,
                                has_scale ? to_number(scale->items[i].text) : 0.0});
    }
    outputs.push_back(std::move(output));
  }
  if (outputs.empty()) metadata.refuse(key, "at least one output");
  return outputs;
}

Description read_description(const Metadata& metadata, const std::string& path) {
  const std::string format = "xec_format_version";
  if (metadata.text_or(format, "").empty())
    throw NetworkError(path + ": no metadata of xec (key '" + format + "'); " + Metadata::expected());
  if (metadata.text(format) != known_format)
    metadata.refuse(format, std::string(known_format) + ": take the xec_network.cpp of the version that exported it");
  const double n_sensors = to_number(metadata.text("n_sensors"));
  if (!(n_sensors >= 1 && n_sensors < 1e6 && std::floor(n_sensors) == n_sensors))
    metadata.refuse("n_sensors", "a number of sensors");
  Description description;
  description.name = metadata.text("name");
  description.layout = metadata.text("layout");
  description.geometry_hash = metadata.text("geometry_hash");
  description.npho_branch = metadata.text("npho_branch");
  description.time_branch = metadata.text("time_branch");
  description.n_sensors = static_cast<std::size_t>(n_sensors);
  // Files of the first release lack it, and do not average.
  description.mirror_average = metadata.text_or("mirror_average", "false") == "true";
  description.outputs = read_outputs(metadata);
  return description;
}

void check(const Description& description, const Metadata& metadata, const std::string& path,
           std::string_view geometry_hash) {
  if (metadata.text("npho_unit") != npho_unit) metadata.refuse("npho_unit", npho_unit);
  if (metadata.text("time_unit") != time_unit) metadata.refuse("time_unit", time_unit);
  if (description.geometry_hash != geometry_hash)
    throw NetworkError(path + ": made for another geometry (layout '" + description.layout + "', hash " +
                       description.geometry_hash.substr(0, 12) + ", expected " +
                       std::string(geometry_hash.substr(0, 12)) +
                       "), its predictions would be wrong; expected the header of `xec geometry export --format "
                       "cpp --layout " + description.layout + "` from the xec that exported the network");
}

// ---------------------------------------------------------------------------------------------------------------
// ONNX Runtime.

class OnnxBackend final : public Backend {
 public:
  OnnxBackend(const std::string& path, const Options& options)
      // Its errors arrive as exceptions, its warnings are about its own optimizations.
      : env_(checked(ORT_LOGGING_LEVEL_FATAL), "xec"),
        session_(env_, path.c_str(), session_options(options)),
        metadata_(session_.GetModelMetadata()),
        memory_(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault)) {
    env_.DisableTelemetryEvents();
  }

  std::optional<std::string> metadata(const std::string& key) const override {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto value = metadata_.LookupCustomMetadataMapAllocated(key.c_str(), allocator);
    return value ? std::optional<std::string>(value.get()) : std::nullopt;
  }

  void run(std::size_t n_events, std::size_t n_sensors, const float* npho, const float* time,
           const std::vector<Output>& outputs, const std::vector<float*>& results) const override {
    const std::array<Ort::Value, 2> inputs{tensor(n_events, n_sensors, npho), tensor(n_events, n_sensors, time)};
    const std::array<const char*, 2> input_names{"npho", "time"};
    std::vector<const char*> output_names;
    for (const Output& output : outputs) output_names.push_back(output.name.c_str());
    const auto found = session_.Run(Ort::RunOptions{nullptr}, input_names.data(), inputs.data(), inputs.size(),
                                    output_names.data(), output_names.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto info = found[i].GetTensorTypeAndShapeInfo();
      const std::vector<std::int64_t> expected{static_cast<std::int64_t>(n_events),
                                               static_cast<std::int64_t>(outputs[i].columns.size())};
      if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || info.GetShape() != expected)
        throw std::runtime_error("the output '" + outputs[i].name + "' has another shape than its description");
      const float* values = found[i].GetTensorData<float>();
      std::copy(values, values + info.GetElementCount(), results[i]);
    }
  }

 private:
  static OrtLoggingLevel checked(OrtLoggingLevel level) {
    if (OrtGetApiBase()->GetApi(ORT_API_VERSION) == nullptr)
      throw std::runtime_error("ONNX Runtime " + onnxruntime_version() +
                               " is older than the headers of the compilation, those of 1." +
                               std::to_string(ORT_API_VERSION));
    return level;
  }

  static Ort::SessionOptions session_options(const Options& options) {
    Ort::SessionOptions result;
    result.SetIntraOpNumThreads(options.threads);
    result.SetInterOpNumThreads(1);
    result.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
    return result;
  }

  Ort::Value tensor(std::size_t n_events, std::size_t n_sensors, const float* values) const {
    const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(n_events), static_cast<std::int64_t>(n_sensors)};
    // Inputs are only read, which the type of the interface does not say.
    return Ort::Value::CreateTensor<float>(memory_, const_cast<float*>(values), n_events * n_sensors, shape.data(),
                                           shape.size());
  }

  Ort::Env env_;
  // Run changes nothing that another thread sees, although it is not const.
  mutable Ort::Session session_;
  Ort::ModelMetadata metadata_;
  Ort::MemoryInfo memory_;
};

std::unique_ptr<Backend> open_onnx(const std::string& path, const Options& options) {
  if (options.threads < 0) throw NetworkError("threads is " + std::to_string(options.threads) + ", expected 0 or more");
  if (std::ifstream(path, std::ios::binary).peek() == std::ifstream::traits_type::eof())
    throw NetworkError(path + ": missing, empty, or not to be read; " + Metadata::expected());
  try {
    return std::make_unique<OnnxBackend>(path, options);
  } catch (const std::exception& error) {
    throw NetworkError(path + ": cannot be opened; " + Metadata::expected() + " (ONNX Runtime says: " +
                       one_line(error.what()) + ")");
  }
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------

Predictions::Predictions(std::size_t n_events, const std::vector<Output>& outputs) : n_events_(n_events) {
  for (const Output& output : outputs) values_.emplace_back(n_events * output.columns.size());
}

float Predictions::at(std::size_t output, std::size_t event, std::size_t column) const {
  const std::vector<float>& values = values_.at(output);
  if (event >= n_events_ || column >= values.size() / n_events_)
    throw std::out_of_range("no event " + std::to_string(event) + " with a column " + std::to_string(column));
  return values[event * (values.size() / n_events_) + column];
}

Network::Network(const std::string& path, std::string_view geometry_hash, const Options& options)
    : Network(open_onnx(path, options), path, geometry_hash, options) {}

Network::Network(std::unique_ptr<Backend> backend, const std::string& path, std::string_view geometry_hash,
                 const Options& options)
    : backend_(std::move(backend)), path_(path), batch_(options.batch) {
  const Metadata metadata(*backend_, path_);
  description_ = read_description(metadata, path_);
  check(description_, metadata, path_, geometry_hash);
  // A graph that averages makes several events of each.
  if (description_.mirror_average) batch_ /= n_mirrors;
  batch_ = std::max<std::size_t>(batch_, 1);
  // Names and shapes are those of the description, or the job ends now and not at its first event.
  const std::vector<float> nothing(description_.n_sensors, no_reading);
  predict(nothing, nothing);
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
  const std::size_t n_sensors = description_.n_sensors;
  if (npho.size() != time.size() || npho.size() % n_sensors != 0)
    throw NetworkError("npho has " + std::to_string(npho.size()) + " readings and time " +
                       std::to_string(time.size()) + "; expected " + std::to_string(n_sensors) + " an event of both");
  return predict(npho.data(), time.data(), npho.size() / n_sensors);
}

Predictions Network::predict(const float* npho, const float* time, std::size_t n_events) const {
  const std::size_t n_sensors = description_.n_sensors;
  const auto& outputs = description_.outputs;
  Predictions predictions(n_events, outputs);
  std::vector<float*> results(outputs.size());
  for (std::size_t first = 0; first < n_events; first += batch_) {
    const std::size_t n = std::min(batch_, n_events - first);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      results[i] = predictions.values(i).data() + first * outputs[i].columns.size();
    try {
      backend_->run(n, n_sensors, npho + first * n_sensors, time + first * n_sensors, outputs, results);
    } catch (const std::exception& error) {
      throw NetworkError(path_ + ": the graph cannot be run for " + std::to_string(n) + " events: " +
                         one_line(error.what()));
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

std::string onnxruntime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace xec
