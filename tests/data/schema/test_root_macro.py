"""The macro for rec files writes what the schema says: compiled against stand-ins of ROOT, and run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data.schema.branches import SCHEMA, TRUTH_BRANCHES
from xec_data.schema.root_macro import real_data_branches, with_table
from xec_geometry import N_SENSORS, uvw_to_xyz

MACRO = Path(__file__).parents[3] / "tools" / "root" / "PrepareRealData.C"
STAND_INS = Path(__file__).with_name("root_stand_ins.h")
HEADERS = ("TChain", "TFile", "TTree", "TTreeReader", "TTreeReaderArray", "TTreeReaderValue")
TYPES = {"F": "<f4", "D": "<f8", "L": "<i8", "O": "?"}

MAIN = """
#include "PrepareRealData.C"

int main(int, char** arguments) {
  const double nothing = 1e10;
  const Names at;
  for (int i = 0; i < 3; ++i) {
    std::vector<double> npho(n_sensors), time(n_sensors);
    for (int id = 0; id < n_sensors; ++id) {
      npho[id] = id % 10 == 3 ? nothing : id + 1000 * i;
      time[id] = id % 7 == 0 || i == 2 ? nothing : (id + 10 * i) * 1e-10 - 6e-7;
    }
    stored()[at.run].push_back({432101});
    stored()[at.event].push_back({5.0 + i});
    stored()[at.npho].push_back(npho);
    stored()[at.time].push_back(time);
    stored()[at.energy].push_back(i == 1 ? std::vector<double>{} : std::vector<double>{0.05, 0.01});
    stored()[at.time_reco].push_back({-6e-7});
    stored()[at.u].push_back({1.5});
    stored()[at.v].push_back({i == 1 ? nothing : -20.0});
    stored()[at.w].push_back({4.0});
  }
  std::cout.setstate(std::ios::failbit);
  PrepareRealData("rec.root", "out.root", arguments[1]);
}
"""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray[Any, Any]]:
    """What the macro writes of three events, branch by branch."""
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("macro")
    for header in HEADERS:
        (folder / f"{header}.h").write_text('#include "root_stand_ins.h"\n')
    shutil.copy(STAND_INS, folder)
    shutil.copy(MACRO, folder)
    (folder / "main.cpp").write_text(MAIN)
    (folder / "dead.txt").write_text("# broken\n12\n\n4759 # and this one\n")
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{folder}"]
    subprocess.run([compiler, *flags, "main.cpp", "-o", "macro"], cwd=folder, check=True)
    printed = subprocess.run(
        [folder / "macro", "dead.txt"], cwd=folder, check=True, capture_output=True
    ).stdout
    head, _, data = printed.partition(b"data\n")
    assert head.startswith(b"tree tree\n")
    leaves = re.findall(r"branch (\w+) \1(?:\[(\d+)\])?/(\w)", head.decode())
    layout = np.dtype(
        [
            (name, TYPES[kind], (int(length),)) if length else (name, TYPES[kind])
            for name, length, kind in leaves
        ]
    )
    entries = np.frombuffer(data, layout)
    return {name: entries[name] for name, _, _ in leaves}


def test_its_table_is_that_of_the_schema() -> None:
    text = MACRO.read_text(encoding="utf-8")
    assert text == with_table(text), "python -m xec_data.schema.root_macro tools/root/PrepareRealData.C"
    names = [branch.name for branch in real_data_branches()]
    assert set(names) == {*SCHEMA, "relative_time"} - set(TRUTH_BRANCHES)


def test_a_macro_without_marks_is_none() -> None:
    with pytest.raises(ValueError, match="no lines"):
        with_table("void f() {}")


def test_branches_have_the_types_of_the_schema(events: dict[str, np.ndarray[Any, Any]]) -> None:
    assert {name: (values.dtype, values.shape[1:]) for name, values in events.items()} == {
        branch.name: (np.dtype(branch.dtype), branch.shape) for branch in real_data_branches()
    }


def test_readings(events: dict[str, np.ndarray[Any, Any]]) -> None:
    event, sensor = np.arange(3)[:, None], np.arange(N_SENSORS)
    dead = np.isin(sensor, [12, 4759])
    np.testing.assert_array_equal(events["dead"], np.broadcast_to(dead, (3, N_SENSORS)))
    none = dead | (sensor % 10 == 3)
    npho = np.where(none, 1e10, sensor + 1000.0 * event)
    np.testing.assert_array_equal(events["npho"], npho.astype(np.float32))
    untimed = none | (sensor % 7 == 0) | (event == 2)
    absolute = np.where(untimed, 1e10, (sensor + 10 * event) * 1e-10 - 6e-7)
    np.testing.assert_allclose(events["time"], absolute, rtol=1e-12)
    earliest = absolute.min(axis=1, keepdims=True)
    np.testing.assert_allclose(
        events["relative_time"], np.where(untimed, 1e10, absolute - earliest), rtol=1e-6, atol=1e-16
    )


def test_reconstruction(events: dict[str, np.ndarray[Any, Any]]) -> None:
    assert events["run"].tolist() == [432101] * 3
    assert events["event"].tolist() == [5, 6, 7]
    np.testing.assert_array_equal(events["energyReco"], np.array([0.05, 1e10, 0.05], np.float32))
    np.testing.assert_array_equal(events["timeReco"], np.full(3, -6e-7, np.float32))
    uvw = np.array([[1.5, -20, 4], [1e10] * 3, [1.5, -20, 4]])
    np.testing.assert_array_equal(events["uvwRecoFI"], uvw.astype(np.float32))
    np.testing.assert_allclose(events["xyzRecoFI"][::2], uvw_to_xyz(uvw[::2]), rtol=1e-6)
    assert (events["xyzRecoFI"][1] == 1e10).all()
