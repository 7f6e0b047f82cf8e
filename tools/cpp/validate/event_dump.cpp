#include "event_dump.h"

#include <fstream>
#include <sstream>

#include "xec_network.h"

namespace xec {
namespace {

constexpr const char* first_line = "xec-inputs 2";
constexpr std::size_t most_lines = 1000;

void read_line(EventDump& dump, const std::string& line, const std::string& path) {
  std::istringstream words(line);
  std::string key;
  words >> key;
  if (key == "network") {
    std::getline(words >> std::ws, dump.network);
    words.clear();
  } else if (key == "geometry_hash") {
    words >> dump.geometry_hash;
  } else if (key == "mirror_average") {
    words >> dump.mirror_average;
  } else if (key == "events") {
    words >> dump.n_events;
  } else if (key == "sensors") {
    words >> dump.n_sensors;
  } else if (key == "input") {
    words >> dump.inputs.emplace_back();
  } else if (key == "output") {
    std::pair<std::string, std::size_t> output;
    words >> output.first >> output.second;
    dump.outputs.push_back(output);
  } else {
    words.setstate(std::ios::failbit);
  }
  if (!words) throw NetworkError(path + ": the header has a line '" + line.substr(0, 60) + "' that cannot be read");
}

void read_header(std::ifstream& file, EventDump& dump, const std::string& path) {
  std::string line;
  if (!std::getline(file, line) || line != first_line)
    throw NetworkError(path + ": missing, or no file of `xec predict --dump-inputs` (its first line is not '" +
                       first_line + "')");
  for (std::size_t n = 0; n < most_lines && std::getline(file, line); ++n) {
    if (line == "data") return;
    read_line(dump, line, path);
  }
  throw NetworkError(path + ": truncated: the header has no end");
}

}  // namespace

EventDump read_event_dump(const std::string& path) {
  EventDump dump;
  std::ifstream file(path, std::ios::binary);
  read_header(file, dump, path);
  constexpr std::size_t limit = 1U << 20U;
  std::size_t n_numbers = 0;
  for (const auto& output : dump.outputs) n_numbers += output.second < limit ? output.second : limit;
  if (dump.n_events == 0 || dump.n_sensors == 0 || dump.n_sensors > limit || dump.inputs.empty() || n_numbers == 0 ||
      n_numbers > limit)
    throw NetworkError(path + ": the header tells of no events, or of impossible ones");

  const auto begin = file.tellg();
  file.seekg(0, std::ios::end);
  const auto n_bytes = static_cast<std::size_t>(file.tellg() - begin);
  const std::size_t bytes_per_event = sizeof(float) * (dump.inputs.size() * dump.n_sensors + n_numbers);
  // Divided, not multiplied: the number of events is only what the file says.
  if (n_bytes / bytes_per_event != dump.n_events || n_bytes % bytes_per_event != 0)
    throw NetworkError(path + ": truncated or damaged: " + std::to_string(n_bytes) +
                       " bytes behind the header, expected " + std::to_string(dump.n_events) + " events of " +
                       std::to_string(bytes_per_event));
  file.seekg(begin);

  const auto read = [&file](std::vector<float>& values, std::size_t event, std::size_t n) {
    file.read(reinterpret_cast<char*>(values.data() + event * n), static_cast<std::streamsize>(n * sizeof(float)));
  };
  dump.readings.assign(dump.inputs.size(), std::vector<float>(dump.n_events * dump.n_sensors));
  for (const auto& output : dump.outputs) dump.predictions.emplace_back(dump.n_events * output.second);
  for (std::size_t event = 0; event < dump.n_events; ++event) {
    for (std::vector<float>& readings : dump.readings) read(readings, event, dump.n_sensors);
    for (std::size_t i = 0; i < dump.outputs.size(); ++i) read(dump.predictions[i], event, dump.outputs[i].second);
  }
  if (!file) throw NetworkError(path + ": cannot be read to its end");
  return dump;
}

}  // namespace xec
