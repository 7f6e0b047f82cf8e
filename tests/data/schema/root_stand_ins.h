// What PrepareRealData.C uses of ROOT, as far as a test of it needs: trees in memory, entries as bytes on stdout.
#pragma once
#include <cstdio>
#include <map>
#include <string>
#include <vector>

using Int_t = int;
using Long64_t = long long;
using Float_t = float;
using Double_t = double;
using Bool_t = bool;

// Branch → numbers of every entry.
inline std::map<std::string, std::vector<std::vector<double>>>& stored() {
  static std::map<std::string, std::vector<std::vector<double>>> values;
  return values;
}

struct TChain {
  explicit TChain(const char*) {}
  int Add(const char* name) { return std::string(name) == "rec.root"; }
};

struct TFile {
  TFile(const char*, const char*) {}
  bool IsZombie() const { return false; }
  void Write() {}
};

struct TTree {
  TTree(const char* name, const char*) { std::printf("tree %s\n", name); }
  void Branch(const char* name, void* address, const char* leaf) {
    const std::string list = leaf;
    const auto open = list.find('['), close = list.find(']');
    const int length = open == std::string::npos ? 1 : std::stoi(list.substr(open + 1, close - open - 1));
    const std::map<char, int> size{{'F', 4}, {'D', 8}, {'L', 8}, {'O', 1}};
    parts_.push_back({address, static_cast<size_t>(length * size.at(list.back()))});
    std::printf("branch %s %s\n", name, leaf);
  }
  void Fill() {
    if (entries_++ == 0) std::printf("data\n");
    for (const auto& part : parts_) std::fwrite(part.address, 1, part.size, stdout);
  }
  Long64_t GetEntries() const { return entries_; }

 private:
  struct Part {
    void* address;
    size_t size;
  };
  std::vector<Part> parts_;
  Long64_t entries_ = 0;
};

struct TTreeReader {
  explicit TTreeReader(TChain*) {}
  bool Next() { return ++entry < static_cast<long>(stored().begin()->second.size()); }
  long entry = -1;
};

template <class T>
struct TTreeReaderValue;

template <>
struct TTreeReaderValue<Int_t> {
  TTreeReaderValue(TTreeReader& reader, const char* name) : reader_(reader), name_(name) {}
  Int_t operator*() { return static_cast<Int_t>(stored().at(name_)[reader_.entry][0]); }

 private:
  TTreeReader& reader_;
  std::string name_;
};

template <class T>
struct TTreeReaderArray {
  TTreeReaderArray(TTreeReader& reader, const char* name) : reader_(reader), name_(name) {}
  size_t GetSize() { return stored().at(name_)[reader_.entry].size(); }
  T& operator[](size_t i) { return stored().at(name_)[reader_.entry][i]; }

 private:
  TTreeReader& reader_;
  std::string name_;
};
