#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "xec_backends.h"

namespace xec::detail {
namespace {

using torch::inductor::AOTIModelPackageLoader;

// The name that torch gives to a package's only model.
constexpr const char* model_name = "model";

// torch's messages end with a list of the functions that were called.
template <typename Call>
auto without_backtrace(const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    throw std::runtime_error(error.what_without_backtrace());
  }
}

class TorchBackend final : public Backend {
 public:
  TorchBackend(const std::string& path, const Options& options)
      : path_(path),
        threads_(options.threads),
        metadata_(without_backtrace(
            [&] { return AOTIModelPackageLoader::load_metadata_from_package(path, model_name); })) {}

  std::string library() const override { return "libtorch " TORCH_VERSION; }

  std::optional<std::string> metadata(const std::string& key) const override {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? std::nullopt : std::optional<std::string>(found->second);
  }

  void load() override {
    // As many threads can be in the network at a time; they share the weights.
    const std::size_t n_runners = std::max(1U, std::thread::hardware_concurrency());
    loader_ = without_backtrace(
        [&] { return std::make_unique<AOTIModelPackageLoader>(path_, model_name, false, n_runners); });
  }

  void run(const Description& description, std::size_t n_events, const std::vector<const float*>& inputs,
           const std::vector<float*>& results) const override {
    use_threads();
    const c10::InferenceMode no_gradients;
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(n_events),
                                          static_cast<std::int64_t>(description.n_sensors)};
    std::vector<at::Tensor> tensors;
    for (const float* values : inputs)
      // Inputs are only read, which the type of the interface does not say.
      tensors.push_back(at::from_blob(const_cast<float*>(values), shape, at::kFloat));
    const std::vector<at::Tensor> found = without_backtrace([&] { return loader_->run(tensors); });
    if (found.size() != results.size()) throw std::runtime_error("the package has other outputs than its description");
    for (std::size_t i = 0; i < found.size(); ++i) {
      check_output(description.outputs[i], n_events, found[i].scalar_type() == at::kFloat, found[i].sizes().vec());
      const at::Tensor values = found[i].contiguous();
      const float* first = values.const_data_ptr<float>();
      std::copy(first, first + values.numel(), results[i]);
    }
  }

 private:
  // OpenMP keeps the number for each thread of the program.
  void use_threads() const {
    thread_local int in_use = 0;
    const int wanted = threads_ > 0 ? threads_ : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    if (in_use != wanted) at::set_num_threads(wanted);
    in_use = wanted;
  }

  std::string path_;
  int threads_;
  std::unordered_map<std::string, std::string> metadata_;
  // Its run lets one thread after the other choose a free runner.
  std::unique_ptr<AOTIModelPackageLoader> loader_;
};

}  // namespace

std::unique_ptr<Backend> open_torch(const std::string& path, const Options& options) {
  return std::make_unique<TorchBackend>(path, options);
}

}  // namespace xec::detail
