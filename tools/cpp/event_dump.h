// Events and their predictions, as `xec predict --dump-inputs FILE` writes them.
//
// A file begins with lines of text, each a name and its value:
//
//     xec-inputs 1              the format
//     network NAME
//     geometry_hash HEX
//     mirror_average 0          1: the predictions are averages over reflected events
//     events N
//     sensors N
//     output angle 2            for each output, in this order: name and number of columns
//     data                      the last line
//
// Behind it stand float32 numbers, little-endian: for each event npho (photons) and time (seconds) of all sensors,
// then the columns of all outputs in their units.

#ifndef XEC_EVENT_DUMP_H
#define XEC_EVENT_DUMP_H

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace xec {

struct EventDump {
  std::string network;
  std::string geometry_hash;
  bool mirror_average = false;
  std::size_t n_events = 0;
  std::size_t n_sensors = 0;
  std::vector<std::pair<std::string, std::size_t>> outputs;  ///< name and number of columns
  std::vector<float> npho, time;                             ///< n_events × n_sensors
  std::vector<std::vector<float>> predictions;               ///< of each output, n_events × columns
};

/// Read a whole file. Throws NetworkError if it is none, or truncated.
EventDump read_event_dump(const std::string& path);

}  // namespace xec

#endif  // XEC_EVENT_DUMP_H
