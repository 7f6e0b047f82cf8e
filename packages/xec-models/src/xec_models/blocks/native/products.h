// Products of small matrices: what is left of a product stays in registers until an epilogue takes it.
#pragma once

#include "lanes.h"

namespace xec {

// A matrix of which element (row, k) stands at data[row * row_step + k * k_step].
struct Left {
  const float* data;
  long row_step, k_step;
};

template <int L, int V, int R, class Epilogue>
inline void product_of_rows(int row, int column, int depth, Left a, const float* b, long b_step,
                            Epilogue& epilogue) {
  Vec<L> total[R][V] = {};
  const float* left = a.data + row * a.row_step;
  const float* right = b + column;
  for (int k = 0; k < depth; ++k, left += a.k_step, right += b_step) {
    Vec<L> here[V];
    for (int v = 0; v < V; ++v) here[v] = load<L>(right + v * L);
    for (int r = 0; r < R; ++r) {
      const Vec<L> factor = all<L>(left[r * a.row_step]);
      for (int v = 0; v < V; ++v) total[r][v] += factor * here[v];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) epilogue(row + r, column + v * L, total[r][v]);
}

template <int L, int V, class Epilogue>
inline void product_of_columns(int rows, int columns, int depth, Left a, const float* b, long b_step,
                               Epilogue& epilogue) {
  for (int column = 0; column < columns; column += V * L) {
    int row = 0;
    for (; row + kRows <= rows; row += kRows)
      product_of_rows<L, V, kRows>(row, column, depth, a, b, b_step, epilogue);
    for (; row + 2 <= rows; row += 2) product_of_rows<L, V, 2>(row, column, depth, a, b, b_step, epilogue);
    for (; row < rows; ++row) product_of_rows<L, V, 1>(row, column, depth, a, b, b_step, epilogue);
  }
}

// Rows × columns of a · b; the epilogue takes (row, column, vector of elements from there on). The number of
// columns is a multiple of 8.
template <class Epilogue>
inline void product(int rows, int columns, int depth, Left a, const float* b, long b_step, Epilogue epilogue) {
  if (columns % (2 * kLanes) == 0)
    product_of_columns<kLanes, 2>(rows, columns, depth, a, b, b_step, epilogue);
  else if (columns % kLanes == 0)
    product_of_columns<kLanes, 1>(rows, columns, depth, a, b, b_step, epilogue);
  else
    product_of_columns<8, 1>(rows, columns, depth, a, b, b_step, epilogue);
}

}  // namespace xec
