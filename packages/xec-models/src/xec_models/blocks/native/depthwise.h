// The gradients of kernel and bias of a depthwise 7 × 7 convolution, channels last, of one event.
//
// A row of the image is one line of numbers, columns × channels: a tap is a shift of the line. Lines are processed in
// steps of a whole number of columns and of registers, for which the weights repeat.
#pragma once

#include <algorithm>

#include "lanes.h"

namespace xec {

constexpr int kSide = 7, kReach = 3, kTaps = kSide * kSide;

struct Image {
  int rows, columns, channels;

  long line() const { return static_cast<long>(columns) * channels; }
  // Numbers after which the weights repeat: channels, or a register that holds several columns.
  int step() const { return std::max(channels, kLanes); }
  int steps() const { return static_cast<int>((line() + step() - 1) / step()); }
  long padded_line() const { return static_cast<long>(steps()) * step() + 2L * kReach * channels; }
  size_t padded_size() const { return static_cast<size_t>(padded_line()) * (rows + 2 * kReach); }
};

// Zeros around the image, and after a line up to a whole step.
inline void pad(const Image& im, const float* x, float* padded) {
  std::fill_n(padded, im.padded_size(), 0.0f);
  for (int row = 0; row < im.rows; ++row)
    std::copy_n(x + row * im.line(), im.line(),
                padded + (row + kReach) * im.padded_line() + static_cast<long>(kReach) * im.channels);
}

// Adds to by_weight (taps, step) and by_bias (step), which repeat as the weights do.
inline void add_gradients(const Image& im, const float* padded, const float* grad, float* by_weight,
                              float* by_bias, float* grad_line) {
  const int step = im.step();
  std::fill_n(grad_line, static_cast<long>(im.steps()) * step, 0.0f);
  for (int row = 0; row < im.rows; ++row) {
    std::copy_n(grad + row * im.line(), im.line(), grad_line);
    for (int group = 0; group < step; group += kLanes) {
      Vec<kLanes> all_of_them = load<kLanes>(by_bias + group);
      for (int q = 0; q < im.steps(); ++q) all_of_them += load<kLanes>(grad_line + static_cast<long>(q) * step + group);
      store<kLanes>(by_bias + group, all_of_them);
      for (int dy = 0; dy < kSide; ++dy) {
        const float* line = padded + (row + dy) * im.padded_line() + group;
        float* to = by_weight + static_cast<long>(dy) * kSide * step + group;
        Vec<kLanes> total[kSide];
        for (int dx = 0; dx < kSide; ++dx) total[dx] = load<kLanes>(to + static_cast<long>(dx) * step);
        for (int q = 0; q < im.steps(); ++q) {
          const Vec<kLanes> here = load<kLanes>(grad_line + static_cast<long>(q) * step + group);
          for (int dx = 0; dx < kSide; ++dx)
            total[dx] += here * load<kLanes>(line + static_cast<long>(q) * step + static_cast<long>(dx) * im.channels);
        }
        for (int dx = 0; dx < kSide; ++dx) store<kLanes>(to + static_cast<long>(dx) * step, total[dx]);
      }
    }
  }
}

}  // namespace xec
