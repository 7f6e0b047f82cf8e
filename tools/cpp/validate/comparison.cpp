#include "comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace xec {
namespace {

constexpr double invalid_above = 9e9;
// The scale of what hardly varies: rounding grows with its size.
constexpr double smallest_spread = 0.01;

bool is_valid(double value) { return std::abs(value) <= invalid_above; }

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double found = std::abs(a - b);
  // One of the two not finite where the other is: no difference could be larger.
  return std::isfinite(found) ? found : std::numeric_limits<double>::infinity();
}

// The places of the numbers of one column: `width` neighbours in each event.
struct Places {
  std::size_t first, width, step, end;

  template <typename Visit>
  void each(const Visit& visit) const {
    for (std::size_t event = first; event < end; event += step)
      for (std::size_t i = event; i < event + width; ++i) visit(i);
  }
};

// The spread over the events or that of the training, whichever is larger, and at least 1 % of the largest value.
void measure_scale(Difference& difference, const std::vector<float>& expected, const Places& places, double trained) {
  double sum = 0, squares = 0, largest = 0;
  places.each([&](std::size_t i) {
    const double a = static_cast<double>(expected[i]);
    if (!is_valid(a)) return;
    ++difference.n_valid;
    sum += a;
    largest = std::max(largest, std::abs(a));
  });
  const double n = std::max<double>(1, static_cast<double>(difference.n_valid)), mean = sum / n;
  places.each([&](std::size_t i) {
    const double a = static_cast<double>(expected[i]);
    if (is_valid(a)) squares += (a - mean) * (a - mean);
  });
  difference.scale =
      std::max({std::sqrt(squares / n), std::isfinite(trained) ? trained : 0.0, smallest_spread * largest});
}

}  // namespace

std::vector<Difference> compare(const std::vector<std::vector<float>>& expected, const Predictions& found,
                                const Description& description, double tolerance) {
  std::vector<Difference> differences;
  const auto& outputs = description.outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Output& output = outputs[i];
    // Where another number is at its least value, rounding decides whether this one is valid.
    const std::vector<float>* needed = nullptr;
    double margin = 0;
    for (std::size_t j = 0; j < i; ++j)
      if (outputs[j].name == output.needs && expected[j].size() == expected[i].size()) {
        needed = &expected[j];
        const auto row = std::find_if(differences.begin(), differences.end(),
                                      [&](const Difference& known) { return known.output == output.needs; });
        margin = tolerance * std::max(output.least, row->scale);
      }
    const std::size_t size = output.size(), width = size / output.columns.size();
    for (std::size_t j = 0; j < output.columns.size(); ++j) {
      const Column& column = output.columns[j];
      const Places places{j * width, width, size, expected[i].size()};
      Difference difference;
      difference.output = output.name;
      difference.column = column.name;
      difference.unit = column.unit;
      measure_scale(difference, expected[i], places, column.scale);
      places.each([&](std::size_t k) {
        const double a = static_cast<double>(expected[i][k]);
        const double here = distance(a, static_cast<double>(found.values(i)[k]));
        if (here == 0) return;
        if (needed && std::abs(static_cast<double>((*needed)[k]) - output.least) <= margin) return;
        // Counts of sensors reach over many powers of ten, and their rounding with them.
        const double scale =
            output.of_sensors && is_valid(a) ? std::max(difference.scale, std::abs(a)) : difference.scale;
        difference.absolute = std::max(difference.absolute, here);
        difference.relative = std::max(difference.relative, here / scale);
      });
      differences.push_back(std::move(difference));
    }
  }
  return differences;
}

}  // namespace xec
