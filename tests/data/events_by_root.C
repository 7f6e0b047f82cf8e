// Writes events_by_root.bin, the file of test_files_of_root.py: root -l -b -q 'events_by_root.C("events_by_root.bin")'
// Everything that uproot cannot write itself: std::vector branches, leaf lists, Double32_t, baskets of C++.
#include <TFile.h>
#include <TTree.h>

#include <cmath>
#include <vector>

void events_by_root(const char* name) {
  constexpr int n_sensors = 4760, n_events = 6;
  TFile file(name, "RECREATE", "", 209);
  TTree empty("empty", "no events");
  empty.Write();
  file.mkdir("reconstruction")->cd();
  TTree tree("tree", "events");
  static float npho[n_sensors];
  std::vector<float> time(n_sensors);
  std::vector<double> xyz(3);
  double angles[2], direction[3], t;
  float energy[1], uvw[3];
  Double32_t energy_reco;
  int run = 7;
  Long64_t event;
  tree.Branch("npho", npho, "npho[4760]/F");
  tree.Branch("relative_time", &time);
  tree.Branch("emiAng", angles, "emiAng[2]/D");
  tree.Branch("emiVec", direction, "x/D:y/D:z/D");
  tree.Branch("energyTruth", energy, "energyTruth[1]/F");
  tree.Branch("timeTruth", &t);
  tree.Branch("xyzTruth", &xyz);
  tree.Branch("uvwTruth", uvw, "uvwTruth[3]/F");
  tree.Branch("energyReco", &energy_reco, "energyReco/d");
  tree.Branch("run", &run);
  tree.Branch("event", &event, "event/L");
  for (int i = 0; i < n_events; i++) {
    for (int k = 0; k < n_sensors; k++) {
      npho[k] = k % 1000 == 0 ? 1e10f : k + 10000 * i;
      time[k] = (k % 7 + i) * 1e-9f;
    }
    double theta = 1.2 + 0.1 * i, phi = 2.8 + 0.1 * i;
    angles[0] = theta * 180 / M_PI;
    angles[1] = phi * 180 / M_PI;
    direction[0] = -sin(theta) * cos(phi);
    direction[1] = sin(theta) * sin(phi);
    direction[2] = cos(theta);
    energy[0] = 0.05f + 0.001f * i;
    energy_reco = 0.049 + 0.001 * i;
    t = 1e-9 * i;
    event = 100 + i;
    for (int j = 0; j < 3; j++) {
      uvw[j] = i + j;
      xyz[j] = -60 + i + j;
    }
    tree.Fill();
  }
  tree.Write();
}
