// The operators for torch: tensors in, tensors out, events shared out between threads.
//
// Sums over events are taken in parts whose number does not depend on the threads: the same numbers come out of any
// number of them.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "block_mlp.h"
#include "depthwise.h"

namespace {

using at::Tensor;

constexpr int64_t kParts = 32;

xec::Scratch& scratch(size_t floats) {
  static thread_local xec::Scratch memory;
  memory.begin(floats);
  return memory;
}

void require(const Tensor& x) {
  TORCH_CHECK(x.device().is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous(),
              "expected a contiguous float32 tensor on the CPU");
}

// Events part · n / parts to (part + 1) · n / parts, each part on one thread.
template <class Function>
void in_parts(int64_t n, const Function& function) {
  const int64_t parts = std::min(n, kParts);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) function(part, part * n / parts, (part + 1) * n / parts);
  });
}

bool is_wide(int channels) { return channels % xec::kLanes == 0; }

xec::MLP mlp_of(const Tensor& y, const Tensor& norm_weight, const Tensor& norm_bias, double eps, const Tensor& weight1,
                const Tensor& weight1_t, const Tensor& bias1, const Tensor& gamma, const Tensor& weight2,
                const Tensor& weight2_t, const Tensor* bias2) {
  for (const Tensor* x : {&y, &norm_weight, &norm_bias, &weight1, &weight1_t, &bias1, &gamma, &weight2, &weight2_t})
    require(*x);
  const auto channels = y.size(2), hidden = gamma.size(0);
  TORCH_CHECK(y.dim() == 3 && channels % 8 == 0 && hidden % (2 * xec::kLanes) == 0 && weight1.size(0) == hidden &&
                  weight1.size(1) == channels && weight2.size(0) == channels && weight2.size(1) == hidden,
              "block_mlp: shapes do not fit");
  return {static_cast<int>(y.size(1)),
          static_cast<int>(channels),
          static_cast<int>(hidden),
          static_cast<float>(eps),
          norm_weight.const_data_ptr<float>(),
          norm_bias.const_data_ptr<float>(),
          weight1.const_data_ptr<float>(),
          weight1_t.const_data_ptr<float>(),
          bias1.const_data_ptr<float>(),
          gamma.const_data_ptr<float>(),
          weight2.const_data_ptr<float>(),
          weight2_t.const_data_ptr<float>(),
          bias2 ? bias2->const_data_ptr<float>() : nullptr};
}

std::tuple<Tensor, Tensor> block_mlp(const Tensor& y, const Tensor& norm_weight, const Tensor& norm_bias, double eps,
                                     const Tensor& weight1, const Tensor& bias1, const Tensor& gamma,
                                     const Tensor& weight2, const Tensor& bias2) {
  const Tensor weight1_t = weight1.t().contiguous(), weight2_t = weight2.t().contiguous();
  require(bias2);
  const xec::MLP mlp =
      mlp_of(y, norm_weight, norm_bias, eps, weight1, weight1_t, bias1, gamma, weight2, weight2_t, &bias2);
  Tensor out = at::empty_like(y), norms = at::empty({y.size(0), gamma.size(0)}, y.options());
  const float* from = y.const_data_ptr<float>();
  float *to = out.data_ptr<float>(), *norms_to = norms.data_ptr<float>();
  const int64_t size = y.size(1) * y.size(2), hidden = gamma.size(0);
  in_parts(y.size(0), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t event = begin; event < end; ++event) {
      xec::Scratch& memory = scratch(xec::forward_scratch(mlp));
      const auto run = is_wide(mlp.channels) ? xec::forward<xec::kLanes> : xec::forward<8>;
      run(mlp, from + event * size, to + event * size, norms_to + event * hidden, memory);
    }
  });
  return {out, norms};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> block_mlp_backward(
    const Tensor& grad, const Tensor& y, const Tensor& norms, const Tensor& norm_weight, const Tensor& norm_bias,
    double eps, const Tensor& weight1, const Tensor& bias1, const Tensor& gamma, const Tensor& weight2) {
  const Tensor weight1_t = weight1.t().contiguous(), weight2_t = weight2.t().contiguous();
  require(grad);
  require(norms);
  const xec::MLP mlp =
      mlp_of(y, norm_weight, norm_bias, eps, weight1, weight1_t, bias1, gamma, weight2, weight2_t, nullptr);
  const int64_t channels = y.size(2), hidden = gamma.size(0), size = y.size(1) * channels;
  const int64_t parts = std::min(y.size(0), kParts);
  Tensor grad_y = at::empty_like(y);
  const auto sums = [&](at::IntArrayRef shape) {
    std::vector<int64_t> all{parts};
    all.insert(all.end(), shape.begin(), shape.end());
    return at::zeros(all, y.options());
  };
  const Tensor by_norm_weight = sums({channels}), by_norm_bias = sums({channels}),
               by_weight1_t = sums({channels, hidden}), by_bias1 = sums({hidden}), by_gamma = sums({hidden}),
               by_weight2 = sums({channels, hidden});
  const float *grads = grad.const_data_ptr<float>(), *from = y.const_data_ptr<float>(),
              *all_norms = norms.const_data_ptr<float>();
  float* to = grad_y.data_ptr<float>();
  const auto of_part = [](const Tensor& x, int64_t part) {
    return x.data_ptr<float>() + part * (x.numel() / std::max<int64_t>(x.size(0), 1));
  };
  in_parts(y.size(0), [&](int64_t part, int64_t begin, int64_t end) {
    const xec::MLPGradients here{of_part(by_norm_weight, part), of_part(by_norm_bias, part),
                                 of_part(by_weight1_t, part),   of_part(by_bias1, part),
                                 of_part(by_gamma, part),       of_part(by_weight2, part)};
    for (int64_t event = begin; event < end; ++event) {
      xec::Scratch& memory = scratch(xec::backward_scratch(mlp));
      const auto run = is_wide(mlp.channels) ? xec::backward<xec::kLanes> : xec::backward<8>;
      run(mlp, from + event * size, all_norms + event * hidden, grads + event * size, to + event * size, here, memory);
    }
  });
  return {grad_y,         by_norm_weight.sum(0), by_norm_bias.sum(0), by_weight1_t.sum(0).t(),
          by_bias1.sum(0), by_gamma.sum(0),       by_weight2.sum(0)};
}

xec::Image image_of(const Tensor& x) {
  require(x);
  const auto channels = x.size(3);
  TORCH_CHECK(x.dim() == 4 && (channels % xec::kLanes == 0 || xec::kLanes % channels == 0),
              "depthwise_backward: shapes do not fit");
  return {static_cast<int>(x.size(1)), static_cast<int>(x.size(2)), static_cast<int>(channels)};
}

// Gradients of the kernel (49, C) and the bias (C) for features x (B, rows, columns, C).
std::tuple<Tensor, Tensor> depthwise_backward(const Tensor& grad, const Tensor& x) {
  const xec::Image image = image_of(x);
  require(grad);
  const int64_t step = image.step(), repeats = step / image.channels, parts = std::min(x.size(0), kParts);
  const Tensor by_weight = at::zeros({parts, xec::kTaps, step}, x.options()),
               by_bias = at::zeros({parts, step}, x.options());
  const float *from = x.const_data_ptr<float>(), *grads = grad.const_data_ptr<float>();
  float *w = by_weight.data_ptr<float>(), *b = by_bias.data_ptr<float>();
  const int64_t size = image.rows * image.line(), line = image.steps() * step;
  in_parts(x.size(0), [&](int64_t part, int64_t begin, int64_t end) {
    for (int64_t event = begin; event < end; ++event) {
      xec::Scratch& memory = scratch(image.padded_size() + static_cast<size_t>(line) + 32);
      float *padded = memory.take(image.padded_size()), *grad_line = memory.take(static_cast<size_t>(line));
      xec::pad(image, from + event * size, padded);
      xec::add_gradients(image, padded, grads + event * size, w + part * xec::kTaps * step, b + part * step,
                             grad_line);
    }
  });
  return {by_weight.sum(0).view({xec::kTaps, repeats, image.channels}).sum(1),
          by_bias.sum(0).view({repeats, image.channels}).sum(0)};
}

}  // namespace

TORCH_LIBRARY(xec_models, library) {
  library.def(
      "block_mlp(Tensor y, Tensor norm_weight, Tensor norm_bias, float eps, Tensor weight1, Tensor bias1, "
      "Tensor gamma, Tensor weight2, Tensor bias2) -> (Tensor, Tensor)");
  library.def(
      "block_mlp_backward(Tensor grad, Tensor y, Tensor norms, Tensor norm_weight, Tensor norm_bias, float eps, "
      "Tensor weight1, Tensor bias1, Tensor gamma, Tensor weight2) -> "
      "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
  library.def("depthwise_backward(Tensor grad, Tensor x) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(xec_models, CPU, library) {
  library.impl("block_mlp", block_mlp);
  library.impl("block_mlp_backward", block_mlp_backward);
  library.impl("depthwise_backward", depthwise_backward);
}
