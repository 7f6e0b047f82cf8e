// Networks of xec in C++: a file of `xec export` is opened, checked once, and asked for predictions by any number
// of threads. This is the only header that programs include.

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

/// One quantity that a network predicts.
struct Column {
  std::string name;  ///< theta
  std::string unit;  ///< deg; empty for a pure number
  double scale;      ///< how widely it varied in the training, in the unit
};

/// One output of a network: the task, or <task>_sigma for its uncertainty; of an inpainter the readings of all sensors.
struct Output {
  std::string name;
  std::vector<Column> columns;
  /// The axes behind that of the events: a number for each column; of sensors one column with a number for each
  /// sensor; of tokens a column for each token, with a vector of numbers.
  std::vector<std::size_t> shape;
  bool of_sensors = false;  ///< whether it has a number for every sensor
  std::string needs;        ///< another output; where that is below `least`, this one is no reading
  double least = 0;

  std::size_t size() const;  ///< how many numbers an event has
};

/// What the metadata of the file say.
struct Description {
  std::string kind;    ///< regressor, inpainter, mae, encoder
  std::string name;    ///< of the training run
  std::string layout;  ///< of the index maps
  std::string geometry_hash;
  std::string npho_branch;  ///< branches of the training's files: what the readings have to be
  std::string time_branch;
  std::size_t n_sensors = 0;
  bool mirror_average = false;  ///< whether the graph averages over the event and its reflections
  /// npho (photons) and time (seconds); and dead (1: to be recovered) of an inpainter, mask (1: hidden) of a masked
  /// autoencoder.
  std::vector<std::string> inputs;
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
  /// Description::outputs, see Network::index_of; `place` is the column, or the sensor. Throws std::out_of_range.
  float at(std::size_t output, std::size_t event, std::size_t place = 0) const;

  /// All numbers of an output, event after event.
  const std::vector<float>& values(std::size_t output) const { return values_.at(output); }
  std::vector<float>& values(std::size_t output) { return values_.at(output); }

 private:
  std::size_t n_events_;
  std::vector<std::vector<float>> values_;
};

/// A library that runs networks. Another one is a class of this kind, given to the second constructor of Network.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Name and version of the library.
  virtual std::string library() const = 0;

  /// A value of the file's metadata, as `xec export` wrote it.
  virtual std::optional<std::string> metadata(const std::string& key) const = 0;

  /// Called once, when the metadata have been checked and before the first run: code that is in a file runs from
  /// here on and not before. Throws std::exception.
  virtual void load() {}

  /// Run the network for n_events × n_sensors numbers of each input and write n_events × size() numbers of
  /// outputs[i] to results[i], all in the order of the description. Several threads call it at the same time.
  /// Throws std::exception, also where an output has another shape.
  virtual void run(const Description& description, std::size_t n_events, const std::vector<const float*>& inputs,
                   const std::vector<float*>& results) const = 0;
};

/// A network of `xec export`. All of its functions may be called by several threads at the same time.
class Network {
 public:
  /// Open a file, check that it belongs to this geometry and takes photons and seconds, and run it once. The end of
  /// its name tells the library: .onnx (ONNX Runtime) or .pt2 (libtorch; such a file holds code, which runs).
  /// `geometry_hash` is that of the header of `xec geometry export --format cpp`: xec::geometry::geometry_hash.
  /// Throws NetworkError.
  Network(const std::string& path, std::string_view geometry_hash, const Options& options = {});

  /// The same with another library; `path` is for messages.
  Network(std::unique_ptr<Backend> backend, const std::string& path, std::string_view geometry_hash,
          const Options& options = {});

  const Description& description() const { return description_; }

  /// Name and version of the library that runs it.
  std::string library() const { return backend_->library(); }

  /// The place of an output, such as "angle". Throws NetworkError if the network has none of this name.
  std::size_t index_of(std::string_view output) const;

  /// Predict any number of events. `npho` (photons) and `time` (seconds) have the readings of all sensors by
  /// their id, event after event. Throws NetworkError.
  Predictions predict(const std::vector<float>& npho, const std::vector<float>& time) const;

  /// The same for a network with a third input, `dead` of an inpainter or `mask` of an autoencoder: a number for each
  /// reading, 1 or 0.
  Predictions predict(const std::vector<float>& npho, const std::vector<float>& time,
                      const std::vector<float>& flags) const;

  /// The same for n_events × n_sensors numbers of each of Description::inputs.
  Predictions predict_inputs(const std::vector<const float*>& inputs, std::size_t n_events) const;

 private:
  Predictions predict_vectors(const std::vector<const std::vector<float>*>& inputs) const;

  std::unique_ptr<Backend> backend_;
  std::string path_;
  Description description_;
  std::size_t batch_;
};

/// Make the times of one event relative, as in the branch relative_time: minus the earliest valid one. No reading
/// stays no reading.
void make_relative(float* time, std::size_t n_sensors);

}  // namespace xec

#endif  // XEC_NETWORK_H
