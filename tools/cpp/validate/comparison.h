// The comparison of two predictions of a network, with the rules of `xec export`.

#ifndef XEC_COMPARISON_H
#define XEC_COMPARISON_H

#include <cstddef>
#include <string>
#include <vector>

#include "xec_network.h"

namespace xec {

/// The largest difference of one column of one output.
struct Difference {
  std::string output, column, unit;
  double absolute = 0;  ///< in the unit
  double scale = 0;     ///< of the column
  double relative = 0;  ///< the largest one in units of the scale; of sensors in units of the reading, if that is more
  std::size_t n_valid = 0;
};

/// Compare what is expected of each output (event after event) with what was found, column by column.
std::vector<Difference> compare(const std::vector<std::vector<float>>& expected, const Predictions& found,
                                const Description& description, double tolerance);

}  // namespace xec

#endif  // XEC_COMPARISON_H
