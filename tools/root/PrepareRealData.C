// Writes events of real data for xec, one tree entry an event, from rec files of the experiment's analyzer:
//
//   root -l -b -q 'PrepareRealData.C+("rec432101.root", "run432101.root", "dead.txt")'
//
// A template. What it writes is what xec reads (`xec data check run432101.root` tells), as the table of branches is
// generated from xec's schema. What it reads is named in `names` below: the branches of your version of the analyzer,
// to be adapted once. The macro needs none of the analyzer's libraries, as ROOT reads split branches by their names.
// xec is developed without ROOT: the macro is compiled and run against stand-ins of ROOT's classes (tests/data/schema),
// but not against ROOT. Look at the first events of its output.

#include <TChain.h>
#include <TFile.h>
#include <TTree.h>
#include <TTreeReader.h>
#include <TTreeReaderArray.h>
#include <TTreeReaderValue.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

// --- generated from the schema: python -m xec_data.schema.root_macro FILE makes it anew ---
constexpr int n_sensors = 4760;
constexpr double no_value = 1e+10;  // what is not there
constexpr double invalid_above = 9e+09;  // what is larger is not there, either
constexpr double inner_radius = 64.97;  // of the coordinates (u, v, w), cm

struct XecEvent {
  Float_t npho[n_sensors];  // photons per sensor (photons)
  Float_t relative_time[n_sensors];  // time per sensor, minus the earliest valid one of the event (s)
  Double_t time[n_sensors];  // absolute time per sensor (s)
  Long64_t run;  // number of the run
  Long64_t event;  // number of the event
  Float_t energyReco;  // conventional reconstruction of the energy (GeV)
  Float_t timeReco;  // conventional reconstruction of the time (s)
  Float_t xyzRecoFI[3];  // conventional first interaction point (x, y, z) (cm)
  Float_t uvwRecoFI[3];  // conventional first interaction point (u, v, w) (cm)
  Bool_t dead[n_sensors];  // sensors known to be dead

  void clear() {
    std::fill(std::begin(npho), std::end(npho), no_value);
    std::fill(std::begin(relative_time), std::end(relative_time), no_value);
    std::fill(std::begin(time), std::end(time), no_value);
    run = 0;
    event = 0;
    energyReco = no_value;
    timeReco = no_value;
    std::fill(std::begin(xyzRecoFI), std::end(xyzRecoFI), no_value);
    std::fill(std::begin(uvwRecoFI), std::end(uvwRecoFI), no_value);
    std::fill(std::begin(dead), std::end(dead), 0);
  }

  void book(TTree& tree) {
    tree.Branch("npho", npho, "npho[4760]/F");
    tree.Branch("relative_time", relative_time, "relative_time[4760]/F");
    tree.Branch("time", time, "time[4760]/D");
    tree.Branch("run", &run, "run/L");
    tree.Branch("event", &event, "event/L");
    tree.Branch("energyReco", &energyReco, "energyReco/F");
    tree.Branch("timeReco", &timeReco, "timeReco/F");
    tree.Branch("xyzRecoFI", xyzRecoFI, "xyzRecoFI[3]/F");
    tree.Branch("uvwRecoFI", uvwRecoFI, "uvwRecoFI[3]/F");
    tree.Branch("dead", dead, "dead[4760]/O");
  }
};
// --- end of what is generated ---

// The tree of the rec files, and its branches: adapt them. An array of the sensors has one number for each id from 0.
struct Names {
  const char* tree = "rec";
  const char* run = "Info.run";                // int
  const char* event = "Info.eventNumber";      // int
  const char* npho = "xecwfcl.nphe";           // double, photons of every sensor
  const char* time = "xecwfcl.time";           // double, absolute, s
  const char* energy = "reco.EGamma";          // double, the photon candidates, the first one is taken; GeV
  const char* time_reco = "reco.TGamma";       // double, the same; s
  const char* u = "reco.UGamma";               // double, the same; first interaction point in cm
  const char* v = "reco.VGamma";
  const char* w = "reco.WGamma";
} const names;

bool is_valid(double x) { return std::abs(x) <= invalid_above; }  // false for NaN, too

// Sensor ids of a text file, one a line; none without a file.
void read_dead(const char* path, Bool_t* dead) {
  std::fill(dead, dead + n_sensors, false);
  if (!*path) return;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const int id = std::stoi(line);
    if (id < 0 || id >= n_sensors) throw std::runtime_error(std::string(path) + ": no sensor " + line);
    dead[id] = true;
  }
}

// The times of all sensors from the absolute ones: minus the earliest valid one.
void set_relative_times(XecEvent& event) {
  double first = no_value;
  for (double time : event.time)
    if (is_valid(time)) first = std::min(first, time);
  for (int id = 0; id < n_sensors; ++id)
    event.relative_time[id] = static_cast<Float_t>(is_valid(event.time[id]) ? event.time[id] - first : no_value);
}

void set_point(XecEvent& event, double u, double v, double w) {
  if (!is_valid(u) || !is_valid(v) || !is_valid(w)) return;
  const double uvw[3] = {u, v, w};
  const double xyz[3] = {-(w + inner_radius) * std::cos(v / inner_radius),
                         (w + inner_radius) * std::sin(v / inner_radius), u};
  std::copy(uvw, uvw + 3, event.uvwRecoFI);
  std::copy(xyz, xyz + 3, event.xyzRecoFI);
}

// The first element of an array, or no value.
double first_of(TTreeReaderArray<double>& values) { return values.GetSize() > 0 ? values[0] : no_value; }

void PrepareRealData(const char* input, const char* output, const char* dead_list = "") {
  TChain chain(names.tree);
  if (chain.Add(input) == 0) throw std::runtime_error(std::string("no file ") + input);
  TTreeReader reader(&chain);
  TTreeReaderValue<Int_t> run(reader, names.run), number(reader, names.event);
  TTreeReaderArray<double> npho(reader, names.npho), time(reader, names.time);
  TTreeReaderArray<double> energy(reader, names.energy), time_reco(reader, names.time_reco);
  TTreeReaderArray<double> u(reader, names.u), v(reader, names.v), w(reader, names.w);

  Bool_t dead[n_sensors];
  read_dead(dead_list, dead);

  TFile file(output, "RECREATE");
  if (file.IsZombie()) throw std::runtime_error(std::string("cannot write ") + output);
  TTree tree("tree", "events of real data for xec");
  static XecEvent event;
  event.book(tree);
  while (reader.Next()) {
    if (npho.GetSize() != n_sensors || time.GetSize() != n_sensors)
      throw std::runtime_error(std::string(names.npho) + ", " + names.time + ": expected one number for each of " +
                               std::to_string(n_sensors) + " sensors");
    event.clear();
    event.run = *run;
    event.event = *number;
    for (int id = 0; id < n_sensors; ++id) {
      event.dead[id] = dead[id];
      if (dead[id] || !is_valid(npho[id])) continue;
      event.npho[id] = static_cast<Float_t>(npho[id]);
      if (is_valid(time[id])) event.time[id] = time[id];
    }
    set_relative_times(event);
    event.energyReco = static_cast<Float_t>(first_of(energy));
    event.timeReco = static_cast<Float_t>(first_of(time_reco));
    set_point(event, first_of(u), first_of(v), first_of(w));
    tree.Fill();
  }
  file.Write();
  std::cout << "wrote " << output << ": " << tree.GetEntries() << " events\n";
}
