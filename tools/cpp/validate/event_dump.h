// Events and their predictions, as `xec predict` and `xec inpaint --dump-inputs FILE` write them.
//
// A file begins with lines of text, each a name and its value:
//
//     xec-inputs 2              the format
//     network NAME
//     geometry_hash HEX
//     mirror_average 0          1: the predictions are averages over reflected events
//     events N
//     sensors N
//     input npho                for each input, in this order: its name
//     output angle 2            for each output, in this order: its name, and how many numbers an event has of it
//     data                      the last line
//
// Behind it stand float32 numbers, little-endian: for each event a number of every sensor for each input,
// then the numbers of all outputs, in their units.

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
  std::vector<std::string> inputs;
  std::vector<std::pair<std::string, std::size_t>> outputs;  ///< name, and numbers of an event
  std::vector<std::vector<float>> readings;                  ///< of each input, n_events × n_sensors
  std::vector<std::vector<float>> predictions;               ///< of each output, n_events × its numbers
};

/// Read a whole file. Throws NetworkError if it is none, or truncated.
EventDump read_event_dump(const std::string& path);

}  // namespace xec

#endif  // XEC_EVENT_DUMP_H
