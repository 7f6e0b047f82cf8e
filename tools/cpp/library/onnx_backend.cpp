#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

#include "xec_backends.h"

namespace xec::detail {
namespace {

class OnnxBackend final : public Backend {
 public:
  OnnxBackend(const std::string& path, const Options& options)
      // Its errors arrive as exceptions, its warnings are about its own optimizations.
      : env_(checked(ORT_LOGGING_LEVEL_FATAL), "xec"),
        session_(env_, path.c_str(), session_options(options)),
        metadata_(session_.GetModelMetadata()),
        memory_(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault)) {
    env_.DisableTelemetryEvents();
  }

  std::string library() const override { return version(); }

  std::optional<std::string> metadata(const std::string& key) const override {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto value = metadata_.LookupCustomMetadataMapAllocated(key.c_str(), allocator);
    return value ? std::optional<std::string>(value.get()) : std::nullopt;
  }

  void run(const Description& description, std::size_t n_events, const std::vector<const float*>& inputs,
           const std::vector<float*>& results) const override {
    std::vector<Ort::Value> tensors;
    for (const float* values : inputs) tensors.push_back(tensor(n_events, description.n_sensors, values));
    std::vector<const char*> input_names, output_names;
    for (const std::string& name : description.inputs) input_names.push_back(name.c_str());
    for (const Output& output : description.outputs) output_names.push_back(output.name.c_str());
    const auto found = session_.Run(Ort::RunOptions{nullptr}, input_names.data(), tensors.data(), tensors.size(),
                                    output_names.data(), output_names.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto info = found[i].GetTensorTypeAndShapeInfo();
      check_output(description.outputs[i], n_events, info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                   info.GetShape());
      const float* values = found[i].GetTensorData<float>();
      std::copy(values, values + info.GetElementCount(), results[i]);
    }
  }

 private:
  static std::string version() { return std::string("ONNX Runtime ") + OrtGetApiBase()->GetVersionString(); }

  static OrtLoggingLevel checked(OrtLoggingLevel level) {
    if (OrtGetApiBase()->GetApi(ORT_API_VERSION) == nullptr)
      throw std::runtime_error(version() + " is older than the headers of the compilation, those of 1." +
                               std::to_string(ORT_API_VERSION));
    return level;
  }

  static Ort::SessionOptions session_options(const Options& options) {
    Ort::SessionOptions result;
    result.SetIntraOpNumThreads(options.threads);
    result.SetInterOpNumThreads(1);
    result.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
    // Threads that look for work all the time slow each other beside other processes.
    result.AddConfigEntry("session.intra_op.allow_spinning", "0");
    return result;
  }

  Ort::Value tensor(std::size_t n_events, std::size_t n_sensors, const float* values) const {
    const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(n_events), static_cast<std::int64_t>(n_sensors)};
    // Inputs are only read, which the type of the interface does not say.
    return Ort::Value::CreateTensor<float>(memory_, const_cast<float*>(values), n_events * n_sensors, shape.data(),
                                           shape.size());
  }

  Ort::Env env_;
  // Run changes nothing that another thread sees, although it is not const.
  mutable Ort::Session session_;
  Ort::ModelMetadata metadata_;
  Ort::MemoryInfo memory_;
};

}  // namespace

std::unique_ptr<Backend> open_onnx(const std::string& path, const Options& options) {
  return std::make_unique<OnnxBackend>(path, options);
}

}  // namespace xec::detail
