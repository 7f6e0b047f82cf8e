#include "xec_json.h"

#include <cstdint>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>

namespace xec::detail {
namespace {

class JsonReader {
 public:
  explicit JsonReader(const std::string& text) : text_(text) {}

  Json read() {
    Json value = read_value(0);
    if (peek() != '\0') fail();
    return value;
  }

 private:
  // Deeper than any metadata: a damaged file must not exhaust the stack.
  static constexpr int deepest = 32;

  [[noreturn]] void fail() const {
    throw std::runtime_error("no JSON at character " + std::to_string(at_) + ": " + text_.substr(0, 60));
  }

  char peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char expected) {
    if (peek() != expected) return false;
    ++at_;
    return true;
  }

  void require(char expected) {
    if (!take(expected)) fail();
  }

  Json read_value(int depth) {
    if (depth > deepest) fail();
    Json value;
    if (take('{')) {
      for (bool more = !take('}'); more; more = take(',') || (require('}'), false)) {
        require('"');
        std::string key = read_string();
        require(':');
        value.members.emplace_back(std::move(key), read_value(depth + 1));
      }
    } else if (take('[')) {
      for (bool more = !take(']'); more; more = take(',') || (require(']'), false))
        value.items.push_back(read_value(depth + 1));
    } else if (take('"')) {
      value.text = read_string();
    } else {
      const std::size_t start = at_;
      while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
      value.text = text_.substr(start, at_ - start);
      if (value.text.empty()) fail();
    }
    return value;
  }

  std::string read_string() {
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return result;
      if (c != '\\') {
        result += c;
        continue;
      }
      if (at_ >= text_.size()) break;
      const char escaped = text_[at_++];
      constexpr std::string_view letters = "bfnrt", meanings = "\b\f\n\r\t";
      const std::size_t place = letters.find(escaped);
      if (escaped == 'u')
        append_utf8(result, read_code_point());
      else
        result += place == std::string_view::npos ? escaped : meanings[place];
    }
    fail();
  }

  std::uint32_t read_hex() {
    if (at_ + 4 > text_.size()) fail();
    const std::string digits = text_.substr(at_, 4);
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) fail();
    at_ += 4;
    return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
  }

  std::uint32_t read_code_point() {
    const std::uint32_t first = read_hex();
    // Characters beyond 16 bits are written as two halves.
    if (first < 0xD800 || first > 0xDBFF || text_.compare(at_, 2, "\\u") != 0) return first;
    at_ += 2;
    return 0x10000 + ((first - 0xD800) << 10) + ((read_hex() - 0xDC00) & 0x3FF);
  }

  static void append_utf8(std::string& text, std::uint32_t code) {
    const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0 | (code >> 6));
      add(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      add(0xE0 | (code >> 12));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    } else {
      add(0xF0 | (code >> 18));
      add(0x80 | ((code >> 12) & 0x3F));
      add(0x80 | ((code >> 6) & 0x3F));
      add(0x80 | (code & 0x3F));
    }
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

Json read_json(const std::string& text) { return JsonReader(text).read(); }

double to_number(const std::string& text) {
  // Programs with ROOT or a window may have set a locale that writes numbers with a comma.
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double number = 0;
  return stream >> number && stream.eof() ? number : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace xec::detail
