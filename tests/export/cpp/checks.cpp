// What the library refuses, and another back end behind the same checks; a line for each.

#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>

#include "xec_geometry.hpp"
#include "xec_network.h"

namespace {

void expect_error(const char* what, const std::function<void()>& call) {
  try {
    call();
    std::printf("%s: accepted\n", what);
  } catch (const xec::NetworkError& error) {
    std::printf("%s: %s\n", what, error.what());
  } catch (const std::out_of_range& error) {
    std::printf("%s: out of range, %s\n", what, error.what());
  }
}

// Gives the sum of an event's photons, and how many events it was asked for at a time.
class Sum final : public xec::Backend {
 public:
  std::string library() const override { return "sums"; }

  std::optional<std::string> metadata(const std::string& key) const override {
    const std::map<std::string, std::string> values{
        {"xec_format_version", "1"},
        {"kind", "sum"},
        {"inputs", R"(["npho", "time", "dead"])"},
        {"name", "sum"},
        {"layout", "physical"},
        {"geometry_hash", "abc"},
        {"npho_branch", "npho"},
        {"time_branch", "time"},
        {"n_sensors", "3"},
        {"npho_unit", "photons"},
        {"time_unit", "s"},
        {"mirror_average", "true"},
        {"outputs",
         R"([{"name": "sum", "columns": ["\u03b8\t", "size"], "unit": "a", "column_units": ["\u00b5s", "1"],
              "scale": [1.5e-3, NaN], "more": {"x": [], "y": null}}])"}};
    const auto found = values.find(key);
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  }

  void run(const xec::Description& description, std::size_t n_events, const std::vector<const float*>& inputs,
           const std::vector<float*>& results) const override {
    const std::size_t n_sensors = description.n_sensors;
    for (std::size_t i = 0; i < n_events; ++i) {
      results[0][2 * i] = 0;
      for (std::size_t j = 0; j < n_sensors; ++j) 
        if (inputs[2][i * n_sensors + j] == 0) results[0][2 * i] += inputs[0][i * n_sensors + j];
      results[0][2 * i + 1] = static_cast<float>(n_events);
    }
  }
};

}  // namespace

int main() {
  const xec::Network network("model.onnx", xec::geometry::geometry_hash);
  const std::size_t n_sensors = network.description().n_sensors;
  const std::vector<float> one(n_sensors), other(n_sensors - 1);
  expect_error("output", [&] { network.index_of("angel"); });
  expect_error("lengths", [&] { network.predict(one, other); });
  expect_error("sensors", [&] { network.predict(other, other); });
  expect_error("column", [&] { network.predict(one, one).at(0, 0, 2); });
  expect_error("event", [&] { network.predict(one, one).at(0, 1, 0); });
  expect_error("none", [&] { network.predict({}, {}).at(0, 0, 0); });
  expect_error("threads", [] { xec::Network("model.onnx", xec::geometry::geometry_hash, {-1, 16}); });
  expect_error("flags", [&] { network.predict(one, one, one); });
  expect_error("ending", [] { xec::Network("model.root", xec::geometry::geometry_hash); });
  expect_error("hash", [] { xec::Network("model.onnx", ""); });

  const xec::Network sum(std::make_unique<Sum>(), "sum", "abc", {1, 8});
  const std::vector<float> three(3);
  expect_error("flags", [&] { sum.predict(three, three); });
  std::printf("library: %s\n", sum.library().c_str());
  const xec::Column& column = sum.description().outputs[0].columns[0];
  std::printf("column: '%s' in %s, %g\n", column.name.c_str(), column.unit.c_str(), column.scale);
  const std::vector<float> npho{1, 2, 3, 4, 5, 6, 7, 8, 9}, time(9), dead{0, 0, 0, 0, 0, 0, 0, 0, 1};
  const xec::Predictions found = sum.predict(npho, time, dead);
  for (std::size_t i = 0; i < found.n_events(); ++i)
    std::printf("sum: %g of %g events\n", static_cast<double>(found.at(0, i, 0)),
                static_cast<double>(found.at(0, i, 1)));

  std::vector<float> times{5, xec::no_reading, 3, std::nanf(""), -std::numeric_limits<float>::infinity(), 4};
  xec::make_relative(times.data(), times.size());
  for (const float t : times) std::printf("time: %g\n", static_cast<double>(t));
}
