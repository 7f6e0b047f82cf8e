#include "xec_description.h"

#include <cmath>
#include <sstream>
#include <utility>

#include "xec_json.h"

namespace xec::detail {
namespace {

constexpr const char* known_format = "1";
constexpr const char* npho_unit = "photons";
constexpr const char* time_unit = "s";
// More than any network gives for an event, and nothing beside the memory of a machine.
constexpr std::size_t most_numbers = 1000000;

class Metadata {
 public:
  Metadata(const Backend& backend, const std::string& path) : backend_(backend), path_(path) {}

  std::string text(const std::string& key) const {
    const auto value = backend_.metadata(key);
    if (!value) throw NetworkError(path_ + ": the metadata lack the key '" + key + "'; " + expected_file);
    return *value;
  }

  std::string text_or(const std::string& key, const std::string& otherwise) const {
    return backend_.metadata(key).value_or(otherwise);
  }

  Json json(const std::string& key) const {
    try {
      return read_json(text(key));
    } catch (const NetworkError&) {
      throw;
    } catch (const std::exception& error) {
      throw NetworkError(path_ + ": the metadata's key '" + key + "': " + one_line(error.what()));
    }
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& wanted) const {
    throw NetworkError(path_ + ": the metadata's key '" + key + "' is '" + one_line(text(key)).substr(0, 60) +
                       "', expected " + wanted);
  }

 private:
  const Backend& backend_;
  const std::string& path_;
};

std::size_t to_size(const std::string& text) {
  const double number = to_number(text);
  const bool is_size = number >= 1 && number < 1e6 && std::floor(number) == number;
  return is_size ? static_cast<std::size_t>(number) : 0;
}

void read_shape(const Json& item, Output& output, const Metadata& metadata, const std::string& key) {
  // Files of the first release have outputs with a number for each column only.
  if (const Json* shape = item.find("shape"))
    for (const Json& axis : shape->items) output.shape.push_back(to_size(axis.text));
  output.of_sensors = output.shape.size() == 1;
  if (output.shape.empty()) output.shape = {output.columns.size()};
  // Divided among the columns: a rest, or nothing, would be numbers of no column. Two axes cannot overflow.
  if (output.shape.size() > 2 || output.size() == 0 || output.size() > most_numbers ||
      output.size() % output.columns.size() != 0)
    metadata.refuse(key, "outputs with some numbers for each of their columns");
  const Json* needs = item.find("needs");
  if (needs && needs->items.size() == 2) {
    output.needs = needs->items[0].text;
    output.least = to_number(needs->items[1].text);
  }
}

std::vector<std::string> read_inputs(const Metadata& metadata) {
  const std::string key = "inputs";
  std::vector<std::string> inputs;
  for (const Json& item : metadata.json(key).items) inputs.push_back(item.text);
  if (inputs.size() < 2 || inputs[0] != "npho" || inputs[1] != "time")
    metadata.refuse(key, "npho and time, and what else a network takes");
  return inputs;
}

std::vector<Output> read_outputs(const Metadata& metadata) {
  const std::string key = "outputs";
  std::vector<Output> outputs;
  for (const Json& item : metadata.json(key).items) {
    const Json *name = item.find("name"), *columns = item.find("columns"), *unit = item.find("unit");
    const Json *units = item.find("column_units"), *scale = item.find("scale");
    if (!name || !columns || !unit || name->text.empty() || columns->items.empty())
      metadata.refuse(key, "outputs with name, columns and unit");
    Output output;
    output.name = name->text;
    for (std::size_t i = 0; i < columns->items.size(); ++i) {
      const bool own_unit = units && i < units->items.size();
      const bool has_scale = scale && i < scale->items.size();
      output.columns.push_back({columns->items[i].text, own_unit ? units->items[i].text : unit->text,
                                has_scale ? to_number(scale->items[i].text) : 0.0});
    }
    read_shape(item, output, metadata, key);
    outputs.push_back(std::move(output));
  }
  if (outputs.empty()) metadata.refuse(key, "at least one output");
  return outputs;
}

Description read(const Metadata& metadata, const std::string& path) {
  const std::string format = "xec_format_version";
  if (metadata.text_or(format, "").empty())
    throw NetworkError(path + ": no metadata of xec (key '" + format + "'); " + expected_file);
  if (metadata.text(format) != known_format)
    metadata.refuse(format, std::string(known_format) + ": take the library of the version that exported it");
  Description description;
  description.kind = metadata.text("kind");
  description.name = metadata.text("name");
  description.layout = metadata.text("layout");
  description.geometry_hash = metadata.text("geometry_hash");
  description.npho_branch = metadata.text("npho_branch");
  description.time_branch = metadata.text("time_branch");
  description.n_sensors = to_size(metadata.text("n_sensors"));
  if (description.n_sensors == 0) metadata.refuse("n_sensors", "a number of sensors");
  // Files of the first release lack it, and do not average.
  description.mirror_average = metadata.text_or("mirror_average", "false") == "true";
  description.inputs = read_inputs(metadata);
  description.outputs = read_outputs(metadata);
  return description;
}

void check(const Description& description, const Metadata& metadata, const std::string& path,
           std::string_view geometry_hash) {
  if (metadata.text("npho_unit") != npho_unit) metadata.refuse("npho_unit", npho_unit);
  if (metadata.text("time_unit") != time_unit) metadata.refuse("time_unit", time_unit);
  if (description.geometry_hash != geometry_hash)
    throw NetworkError(path + ": made for another geometry (layout '" + description.layout + "', hash " +
                       description.geometry_hash.substr(0, 12) + ", expected " +
                       std::string(geometry_hash.substr(0, 12)) +
                       "), its predictions would be wrong; expected the header of `xec geometry export --format "
                       "cpp --layout " + description.layout + "` from the xec that exported the network");
}

}  // namespace

Description read_description(const Backend& backend, const std::string& path, std::string_view geometry_hash) {
  const Metadata metadata(backend, path);
  Description description = read(metadata, path);
  check(description, metadata, path, geometry_hash);
  return description;
}

std::string one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line, word;
  while (words >> word) line += line.empty() ? word : " " + word;
  return line;
}

}  // namespace xec::detail
