// Does an exported network give the same in C++ as in Python? Runs it on the events that
// `xec predict --dump-inputs FILE` or `xec inpaint --dump-inputs FILE` wrote and compares with what Python gave for
// them.
//
// Exit code 0: they agree; 1: a difference exceeds the tolerance; 2: a file or an option cannot be used.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "comparison.h"
#include "event_dump.h"
#include "xec_network.h"

namespace {

constexpr const char* usage =
    "usage: xec-validate MODEL DUMP [--tolerance T] [--batch N] [--threads N] [--callers N] [--seconds S]\n"
    "  --tolerance T  largest difference, as a fraction of the scale of each number (1e-4)\n"
    "  --batch N      events that pass through the network at a time (16)\n"
    "  --threads N    threads within one prediction, 0: all cores (1)\n"
    "  --callers N    threads that share the network and have to get the same bits (1)\n"
    "  --seconds S    measure the time of 1, 16 and 64 events, for S seconds each\n";

struct Arguments {
  std::vector<std::string> files;
  double tolerance = 1e-4;
  xec::Options options;
  std::size_t callers = 1;
  double seconds = 0;
};

double to_number(const std::string& option, const std::string& text, double least) {
  std::size_t end = 0;
  double value = std::numeric_limits<double>::quiet_NaN();
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  if (end != text.size() || text.empty() || !(value >= least && value <= 1e6))
    throw xec::NetworkError(option + " is '" + text + "', expected a number of at least " +
                            (least > 0 ? std::to_string(static_cast<int>(least)) : "0"));
  return value;
}

std::size_t to_count(const std::string& option, const std::string& text, std::size_t least) {
  const double value = to_number(option, text, static_cast<double>(least));
  if (std::floor(value) != value) throw xec::NetworkError(option + " is '" + text + "', expected a whole number");
  return static_cast<std::size_t>(value);
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.rfind("--", 0) != 0) {
      arguments.files.push_back(word);
      continue;
    }
    if (i + 1 == words.size()) throw xec::NetworkError(word + " has no value, or is unknown\n" + usage);
    const std::string& value = words[++i];
    if (word == "--tolerance")
      arguments.tolerance = to_number(word, value, 0);
    else if (word == "--batch")
      arguments.options.batch = to_count(word, value, 1);
    else if (word == "--threads")
      arguments.options.threads = static_cast<int>(to_count(word, value, 0));
    else if (word == "--callers")
      arguments.callers = to_count(word, value, 1);
    else if (word == "--seconds")
      arguments.seconds = to_number(word, value, 0);
    else
      throw xec::NetworkError("unknown option " + word + "\n" + usage);
  }
  if (arguments.files.size() != 2) throw xec::NetworkError(std::string("expected a network and a dump\n") + usage);
  return arguments;
}

void check_same_network(const xec::EventDump& dump, const std::string& path, const xec::Description& description) {
  if (dump.n_sensors != description.n_sensors)
    throw xec::NetworkError(path + ": events of " + std::to_string(dump.n_sensors) + " sensors, the network has " +
                            std::to_string(description.n_sensors));
  if (dump.mirror_average != description.mirror_average)
    throw xec::NetworkError(path + ": the predictions are " + (dump.mirror_average ? "" : "not ") +
                            "averages over reflected events, those of the network are" +
                            (description.mirror_average ? "" : " not") +
                            "; expected `xec export --mirror` and `xec predict --mirror`, or neither");
  bool same = dump.outputs.size() == description.outputs.size();
  for (std::size_t i = 0; same && i < dump.outputs.size(); ++i)
    same = dump.outputs[i].first == description.outputs[i].name &&
           dump.outputs[i].second == description.outputs[i].size();
  if (dump.inputs != description.inputs || !same)
    throw xec::NetworkError(path + ": predictions of another network, '" + dump.network + "': other " +
                            (same ? "inputs" : "outputs"));
}

bool print_differences(const xec::EventDump& dump, const std::string& path, const xec::Description& description,
                       const xec::Predictions& found, double tolerance) {
  std::printf("%-16s %-20s %20s %-8s %12s\n", "output", "column", "largest difference", "unit", "of its scale");
  bool within = true;
  std::size_t n_others = 0;
  for (const xec::Difference& difference : xec::compare(dump.predictions, found, description, tolerance)) {
    if (difference.n_valid == 0)
      throw xec::NetworkError(path + ": no event has a valid '" + difference.column +
                              "', equal gaps prove nothing; expected events with light and times");
    const bool fits = difference.relative <= tolerance;
    within = within && fits;
    n_others += difference.absolute > 0;
    std::printf("%-16s %-20s %20.3g %-8s %12.2g%s\n", difference.output.c_str(), difference.column.c_str(),
                difference.absolute, difference.unit.c_str(), difference.relative, fits ? "" : "  too large");
  }
  if (within)
    std::printf("%s\n", n_others ? "all within the tolerance" : "all equal to the last bit");
  else
    std::printf("the predictions differ by more than %g of their scale\n", tolerance);
  return within;
}

xec::Predictions predict(const xec::Network& network, const xec::EventDump& dump, std::size_t n_events) {
  std::vector<const float*> inputs;
  for (const std::vector<float>& readings : dump.readings) inputs.push_back(readings.data());
  return network.predict_inputs(inputs, n_events);
}

bool same_bits(const xec::Predictions& a, const xec::Predictions& b, std::size_t n_outputs) {
  for (std::size_t i = 0; i < n_outputs; ++i)
    if (std::memcmp(a.values(i).data(), b.values(i).data(), a.values(i).size() * sizeof(float)) != 0) return false;
  return true;
}

// Threads that are joined at the end, also if the system has no further one to give.
class Threads {
 public:
  Threads() = default;
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    for (std::thread& thread : threads_) thread.join();
  }
  void start(std::function<void()> work) { threads_.emplace_back(std::move(work)); }

 private:
  std::vector<std::thread> threads_;
};

bool call_at_once(const xec::Network& network, const xec::EventDump& dump, const xec::Predictions& expected,
                  std::size_t n_callers) {
  std::vector<xec::Predictions> results(n_callers, expected);
  std::vector<std::exception_ptr> errors(n_callers);
  {
    Threads callers;
    for (std::size_t i = 0; i < n_callers; ++i)
      callers.start([&network, &dump, &result = results[i], &error = errors[i]] {
        try {
          result = predict(network, dump, dump.n_events);
        } catch (...) {
          error = std::current_exception();
        }
      });
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  const bool same = std::all_of(results.begin(), results.end(), [&](const xec::Predictions& result) {
    return same_bits(result, expected, network.description().outputs.size());
  });
  std::printf("%zu threads sharing the network: %s\n", n_callers, same ? "the same bits" : "OTHER predictions");
  return same;
}

void print_latencies(const xec::Network& network, const xec::EventDump& dump, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (const std::size_t wanted : {std::size_t{1}, std::size_t{16}, std::size_t{64}}) {
    const std::size_t n = std::min(wanted, dump.n_events);
    std::vector<double> times;
    for (const auto start = Clock::now(); times.size() < 3 || since(start) < seconds;) {
      const auto begin = Clock::now();
      predict(network, dump, n);
      times.push_back(since(begin));
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    std::printf("latency %zu events: median %.4f ms, least %.4f ms, of %zu calls\n", n, 1e3 * *middle,
                1e3 * *std::min_element(times.begin(), times.end()), times.size());
  }
}

int run(const std::vector<std::string>& words) {
  const Arguments arguments = parse(words);
  const std::string &model = arguments.files[0], &path = arguments.files[1];
  const xec::EventDump dump = xec::read_event_dump(path);
  const xec::Network network(model, dump.geometry_hash, arguments.options);
  const xec::Description& description = network.description();
  check_same_network(dump, path, description);
  std::printf("%s: %zu events, %s %s, %s\n", path.c_str(), dump.n_events, description.kind.c_str(),
              description.name.c_str(), network.library().c_str());
  const xec::Predictions found = predict(network, dump, dump.n_events);
  bool agreed = print_differences(dump, path, description, found, arguments.tolerance);
  if (arguments.callers > 1) agreed = call_at_once(network, dump, found, arguments.callers) && agreed;
  if (arguments.seconds > 0) print_latencies(network, dump, arguments.seconds);
  return agreed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (std::find(words.begin(), words.end(), "--help") != words.end()) {
    std::fputs(usage, stdout);
    return 0;
  }
  // Read when the first session is made; the user's own setting stays.
  setenv("ORT_DISABLE_TELEMETRY", "1", 0);
  try {
    return run(words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "xec-validate: error: %s\n", error.what());
    return 2;
  }
}
