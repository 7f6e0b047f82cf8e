"""Exports are read back and compared with the tables; the C++ header is compiled."""

import csv
import io
import json
import shutil
import subprocess

import numpy as np
import pytest

from xec_geometry import (
    FACES,
    FIDUCIAL,
    GRIDS,
    LAYOUTS,
    N_SENSORS,
    GeometryError,
    face_ids,
    geometry_hash,
    hex_edges,
    hex_positions,
    hex_rows,
    index_map,
    outer_fine_grid,
    sensor_areas,
    sensor_kinds,
    sensor_normals,
    sensor_positions,
)
from xec_geometry.detector.faces import face_of_sensor
from xec_geometry.exports import FORMATS, export_geometry
from xec_geometry.exports.sensor_cells import sensor_cells

COMPILER = shutil.which("g++")

# Prints every number of the header: a line per table, its name first.
PROGRAM = r"""
#include "geometry.hpp"
#include <cstdio>
namespace g = xec::geometry;

static void print(double x) { std::printf(" %.17g", x); }
static void print(std::int32_t x) { std::printf(" %d", int(x)); }
static void print(std::uint8_t x) { std::printf(" %d", int(x)); }
template <class T, std::size_t n> static void print(const std::array<T, n>& table) {
  for (const auto& entry : table) print(entry);
}
template <class T> static void show(const char* name, const T& table) {
  std::printf("%s", name); print(table); std::printf("\n");
}
#define SHOW(name) show(#name, g::name)

static_assert(g::positions.size() == g::n_sensors);
static_assert(g::kind_names[g::kinds[0]] == "SiPM" && g::kind_names[g::kinds[4759]] == "PMT");
static_assert(g::face_names[g::faces[0]] == "inner" && g::face_names[g::faces[4759]] == "outer");

int main() {
  std::printf("layout %.*s\n", int(g::layout.size()), g::layout.data());
  std::printf("geometry_hash %.*s\n", int(g::geometry_hash.size()), g::geometry_hash.data());
  SHOWS
}
"""


def numbers(layout):
    """Every table of the header by its name."""
    grid = outer_fine_grid(layout=layout)
    return {
        "positions": sensor_positions(),
        "normals": sensor_normals(),
        "areas": sensor_areas(),
        "kinds": sensor_kinds() == "PMT",
        "faces": face_of_sensor(),
        "cells": sensor_cells(layout),
        **{f"{name}_ids": face_ids(name) for name in FACES},
        **{f"{name}_map": index_map(name, layout) for name in GRIDS},
        "outer_share": grid.share,
        "hex_rows": np.array(hex_rows),
        "hex_positions": hex_positions(),
        "hex_edges": hex_edges(layout).T,
        "inner_radius": np.array([64.97]),
        "outer_radius": np.array([106.27]),
        "chip_side": np.array([0.59]),
        "chip_gap": np.array([0.05]),
        "pmt_radius": np.array([2.25]),
        "fiducial_u_max": np.array([FIDUCIAL.u_max]),
        "fiducial_v_max": np.array([FIDUCIAL.v_max]),
        "fiducial_w_min": np.array([FIDUCIAL.w_min]),
    }


@pytest.mark.skipif(COMPILER is None, reason="no g++ to compile the header with")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_cpp_header_compiles_and_holds_the_same_numbers(layout, tmp_path):
    tables = numbers(layout)
    (tmp_path / "geometry.hpp").write_text(export_geometry("cpp", layout))
    shows = "\n  ".join(f"SHOW({name});" for name in tables)
    (tmp_path / "main.cpp").write_text(PROGRAM.replace("SHOWS", shows))
    command = [COMPILER, "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "main.cpp", "-o", "main"]
    compiled = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr[:2000]
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    found = dict(line.split(" ", 1) for line in printed.splitlines())
    assert found.pop("layout") == layout
    assert found.pop("geometry_hash") == geometry_hash(layout)
    assert set(found) == set(tables)
    for name, table in tables.items():
        values = np.array(found[name].split(), dtype=np.float64)
        np.testing.assert_array_equal(values, table.ravel().astype(np.float64), err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_cells_of_a_sensor_have_its_id(layout):
    cells, faces = sensor_cells(layout), face_of_sensor()
    for number, name in enumerate(FACES):
        table = index_map(name, layout)
        if table.ndim == 1:
            continue
        covered = np.full(table.shape, -1)
        for sensor in np.flatnonzero(faces == number):
            row, column, rows, columns = cells[sensor]
            covered[row : row + rows, column : column + columns] = sensor
        if layout == "physical":
            np.testing.assert_array_equal(covered, table, err_msg=name)
        else:
            # Its fine grid shows twelve sensors twice, and hides the twelve whose places they take.
            assert set(covered.ravel()) - {-1} == set(table.ravel())
            np.testing.assert_array_equal(covered[covered >= 0], table[covered >= 0], err_msg=name)
            shown = np.isin(face_ids(name), table)
            assert (cells[face_ids(name)[~shown]] == [-1, -1, 0, 0]).all()
            assert (~shown).sum() == (12 if name == "outer" else 0)


def test_cells_of_some_sensors():
    # From the description of the detector: rows of 44 SiPMs, 9 PMTs a strip, hexagonal rows 11, 12, 11, …
    cells = sensor_cells("physical")
    assert cells[100].tolist() == [2, 12, 1, 1]  # inner
    assert cells[4092 + 9 * 7 + 2].tolist() == [2 * 5, 7 * 3, 5, 3]  # outer, coarse
    assert cells[4185].tolist() == [15, 30, 3, 2]  # outer, first of the centre patch
    assert cells[4742].tolist() == [18, 30, 3, 2]
    assert cells[4308 + 6 * 5 + 3].tolist() == [5, 3, 1, 1]  # upstream
    assert cells[4596 + 11].tolist() == [1, 0, 1, 1]  # top, first of the second row
    assert cells[4741].tolist() == [5, 13, 1, 1]  # bottom, the last


def test_cpp_header_includes_only_the_standard_library():
    included = [line for line in export_geometry("cpp").splitlines() if line.startswith("#include")]
    assert included == [
        "#include <array>",
        "#include <cstddef>",
        "#include <cstdint>",
        "#include <string_view>",
    ]


def test_csv_round_trip():
    rows = list(csv.DictReader(io.StringIO(export_geometry("csv"))))
    assert [int(row["sensor_id"]) for row in rows] == list(range(N_SENSORS))
    np.testing.assert_array_equal([row["kind"] for row in rows], sensor_kinds())
    np.testing.assert_array_equal([FACES.index(row["face"]) for row in rows], face_of_sensor())
    for names, table in (
        (("x", "y", "z"), sensor_positions()),
        (("nx", "ny", "nz"), sensor_normals()),
        (("area",), sensor_areas()[:, None]),
    ):
        np.testing.assert_array_equal([[float(row[name]) for name in names] for row in rows], table)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_json_round_trip(layout):
    document = json.loads(export_geometry("json", layout))
    assert document["layout"] == layout
    assert document["geometry_hash"] == geometry_hash(layout)
    np.testing.assert_array_equal(document["positions"], sensor_positions())
    np.testing.assert_array_equal(document["normals"], sensor_normals())
    np.testing.assert_array_equal(document["areas"], sensor_areas())
    np.testing.assert_array_equal(document["kinds"], sensor_kinds())
    assert list(document["faces"]) == list(FACES)
    for name in FACES:
        np.testing.assert_array_equal(document["faces"][name]["ids"], face_ids(name))
    assert list(document["maps"]) == list(GRIDS)
    for name in GRIDS:
        np.testing.assert_array_equal(document["maps"][name], index_map(name, layout))
    edges = document["hex_edges"]
    np.testing.assert_array_equal([edges["source"], edges["target"], edges["direction"]], hex_edges(layout))
    grid = outer_fine_grid(layout=layout)
    np.testing.assert_array_equal(document["fine_grid"]["sensor"], grid.sensor[:, 0])
    np.testing.assert_array_equal(document["fine_grid"]["share"], grid.share[:, 0])


def test_unknown_format_names_the_nearest():
    assert set(FORMATS) == {"cpp", "csv", "json"}
    with pytest.raises(GeometryError, match=r"unknown format 'jsn' \(did you mean 'json'\?\)"):
        export_geometry("jsn")
