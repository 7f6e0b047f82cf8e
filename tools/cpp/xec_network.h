// Networks of xec in C++: a file of `xec export` is opened, checked once, and asked for predictions by any number
// of threads. Copy this header and xec_network.cpp into an analyzer; they need C++17 and ONNX Runtime.

#ifndef XEC_NETWORK_H
#define XEC_NETWORK_H

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace xec {

/// Stands for "no reading", of dead channels too; NaN, infinities and all beyond ±9e9 mean the same.
inline constexpr float no_reading = 1e10F;

/// A file that cannot be used, or readings that do not fit to it; what() is one line for the user.
class NetworkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One number that a network predicts.
struct Column {
  std::string name;  ///< theta
  std::string unit;  ///< deg; empty for a pure number
  double scale;      ///< how widely it varied in the training, in the unit
};

/// One output of a network: the task, or <task>_sigma for its uncertainty.
struct Output {
  std::string name;
  std::vector<Column> columns;
};

/// What the metadata of the file say.
struct Description {
  std::string name;    ///< of the training run
  std::string layout;  ///< of the index maps
  std::string geometry_hash;
  std::string npho_branch;  ///< branches of the training's files: what the readings have to be
  std::string time_branch;
  std::size_t n_sensors = 0;
  bool mirror_average = false;  ///< whether the graph averages over the event and its reflections
  std::vector<Output> outputs;
};

struct Options {
  /// Threads within one prediction, 0: all cores. With 1 the calling thread computes, which is best where
  /// events come one at a time, or where several threads ask.
  int threads = 1;
  /// Events that pass through the network at a time; more are cut. Fewer need less memory.
  std::size_t batch = 16;
};

/// Predictions of some events.
class Predictions {
 public:
  Predictions(std::size_t n_events, const std::vector<Output>& outputs);

  std::size_t n_events() const { return n_events_; }

  /// One number, in the unit of its column; NaN where an event has no answer. `output` is a place in
  /// Description::outputs, see Network::index_of. Throws std::out_of_range.
  float at(std::size_t output, std::size_t event, std::size_t column = 0) const;

  /// All numbers of an output, event after event.
  const std::vector<float>& values(std::size_t output) const { return values_.at(output); }
  std::vector<float>& values(std::size_t output) { return values_.at(output); }

 private:
  std::size_t n_events_;
  std::vector<std::vector<float>> values_;
};

/// A library that runs graphs. Another one is a class of this kind, given to the second constructor of Network.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// A value of the file's metadata, as `xec export` wrote it.
  virtual std::optional<std::string> metadata(const std::string& key) const = 0;

  /// Run the graph for n_events × n_sensors readings and write n_events × columns numbers of outputs[i] to
  /// results[i]. Several threads call it at the same time. Throws std::exception.
  virtual void run(std::size_t n_events, std::size_t n_sensors, const float* npho, const float* time,
                   const std::vector<Output>& outputs, const std::vector<float*>& results) const = 0;
};

/// A network of `xec export`. All of its functions may be called by several threads at the same time.
class Network {
 public:
  /// Open an ONNX file, check that it belongs to this geometry and takes photons and seconds, and run it once.
  /// `geometry_hash` is that of the header of `xec geometry export --format cpp`: xec::geometry::geometry_hash.
  /// Throws NetworkError.
  Network(const std::string& path, std::string_view geometry_hash, const Options& options = {});

  /// The same with another library; `path` is for messages.
  Network(std::unique_ptr<Backend> backend, const std::string& path, std::string_view geometry_hash,
          const Options& options = {});

  const Description& description() const { return description_; }

  /// The place of an output, such as "angle". Throws NetworkError if the network has none of this name.
  std::size_t index_of(std::string_view output) const;

  /// Predict any number of events. `npho` (photons) and `time` (seconds) have the readings of all sensors by
  /// their id, event after event. Throws NetworkError.
  Predictions predict(const std::vector<float>& npho, const std::vector<float>& time) const;
  Predictions predict(const float* npho, const float* time, std::size_t n_events) const;

 private:
  std::unique_ptr<Backend> backend_;
  std::string path_;
  Description description_;
  std::size_t batch_;
};

/// Make the times of one event relative, as in the branch relative_time: minus the earliest valid one. No reading
/// stays no reading.
void make_relative(float* time, std::size_t n_sensors);

/// The version of ONNX Runtime that runs.
std::string onnxruntime_version();

}  // namespace xec

#endif  // XEC_NETWORK_H
