// Vectors of floats as wide as the processor's registers, and Φ and φ of the normal distribution on them.
//
// The vector types of GCC and Clang, which become AVX-512, AVX2 or NEON as the compiler is told.
#pragma once

#include <cstring>

namespace xec {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kRows = 8;
#else
constexpr int kLanes = 8, kRows = 6;
#endif

template <int L>
struct Lanes {
  typedef float Float __attribute__((vector_size(L * 4)));
  typedef int Int __attribute__((vector_size(L * 4)));
};
template <int L>
using Vec = typename Lanes<L>::Float;

template <int L>
inline Vec<L> load(const float* from) {
  Vec<L> x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

template <int L>
inline void store(float* to, const Vec<L>& x) {
  std::memcpy(to, &x, sizeof x);
}

template <int L>
inline Vec<L> all(float x) {
  return Vec<L>{} + x;
}

// Sum of the lanes, in a fixed order.
template <int L>
inline float sum(const Vec<L>& x) {
  if constexpr (L == 1) {
    return x[0];
  } else {
    Vec<L / 2> low, high;
    std::memcpy(&low, &x, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&x) + sizeof low, sizeof high);
    return sum<L / 2>(low + high);
  }
}

// Probability Φ(x) and density φ(x) of a normal distribution.
template <int L>
struct Normal {
  Vec<L> below, density;
};

// Φ(−|x|) = exp(−x²/2) R(t) with t = 1/(1 + 0.35 |x|). R and the 2^f of the exponential are polynomials, fitted
// by weighted least squares to errors below 4e-8 of Φ and 2e-9.
template <int L>
inline Normal<L> normal(const Vec<L>& x) {
  using Float = Vec<L>;
  const Float size = x < 0.0f ? -x : x;
  Float power = size * size * -0.72134752f;
  power = power < -126.0f ? all<L>(-126.0f) : power;
  const Float whole = (power + 12582912.0f) - 12582912.0f;  // 1.5 · 2²³: rounds to an integer
  const Float f = power - whole;
  Float fraction = f * 0.000154762931f + 0.001340027f;
  fraction = fraction * f + 0.00961800392f;
  fraction = fraction * f + 0.0555032779f;
  fraction = fraction * f + 0.240226513f;
  fraction = fraction * f + 0.693147206f;
  fraction = fraction * f + 1.0f;
  const auto exponent = (__builtin_convertvector(whole, typename Lanes<L>::Int) + 127) << 23;
  Float scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  const Float bell = fraction * scale;

  const Float t = 1.0f / (size * 0.35f + 1.0f);
  Float ratio = t * 0.0423985784f - 0.174700725f;
  ratio = ratio * t + 0.193757011f;
  ratio = ratio * t + 0.0248434423f;
  ratio = ratio * t + 0.13528848f;
  ratio = ratio * t + 0.138817861f;
  ratio = ratio * t + 0.139595384f;
  const Float tail = bell * (ratio * t);
  return {x < 0.0f ? tail : 1.0f - tail, bell * 0.39894228f};
}

}  // namespace xec
