import inspect
import os
from dataclasses import fields

import numpy as np
import pytest
import uproot

from xec_data import EventReader, read_truth
from xec_data.commands.simulate import simulate
from xec_data.simulation import (
    SimulationConfig,
    SimulationError,
    parse_energy,
    parse_photons,
    simulate_events,
    simulate_file,
)
from xec_geometry import N_SENSORS, load_geometry
from xec_geometry.cli.application import main

N = 150
CONFIG = SimulationConfig(seed=3, shower=False, dead_fraction=0.05, run=12, photons=(1, 2))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulation") / "one.root"
    simulate_file(path, CONFIG, N, chunk_size=33)
    return path


def _read(path):
    with uproot.open(path) as file:
        return file["tree"].arrays(library="np")


def _run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main(["data", "simulate", *map(str, arguments)])
    return stop.value.code or 0


def test_file_holds_the_events(file):
    written = _read(file)
    (events,) = simulate_events(CONFIG, N)
    assert set(written) == set(events)
    for name, array in events.items():
        assert np.array_equal(written[name], array)


def test_number_of_processes_changes_nothing(file, tmp_path):
    path = tmp_path / "two.root"
    done = []
    summary = simulate_file(path, CONFIG, N, processes=2, progress=done.append)
    assert done[-1] == N
    assert summary.n_events == N
    assert summary.n_bytes == path.stat().st_size
    one, two = _read(file), _read(path)
    for name in one:
        assert np.array_equal(one[name], two[name])


def test_reader_takes_the_file(file):
    reader = EventReader([file], ["npho", "time", "emiAng", "uvwTruth"], optional=["dead"])
    (chunk,) = list(reader)
    assert len(chunk) == N
    assert chunk["npho"].shape == (N, N_SENSORS)
    # Stored in radians, recognized from the vectors, given in degrees.
    theta, phi = chunk["emiAng"].T
    assert np.all(np.abs(theta - 90) < 40)
    assert np.abs(phi).max() > 30
    assert np.all(chunk["dead"].sum(axis=1) == round(0.05 * N_SENSORS))
    assert np.all(read_truth([file], ["run"])["run"] == 12)


def test_command_writes_and_summarizes(tmp_path, capsys):
    path = tmp_path / "out.root"
    settings = ["--events", 20, "--seed", 3, "--point", "--energy", "0.015:0.060", "--run", 5, "-j", 1]
    assert _run(path, *settings) == 0
    output = capsys.readouterr()
    assert f"{path}: 20 events, " in output.out
    assert output.out.rstrip().endswith("MB")
    assert "simulated 20 of 20 events" in output.err
    events = _read(path)
    (expected,) = simulate_events(SimulationConfig(seed=3, shower=False, energy=(0.015, 0.060), run=5), 20)
    for name, array in expected.items():
        assert np.array_equal(events[name], array)
    assert "dead" not in events


def test_defaults_of_the_command_are_those_of_the_settings():
    options = {name: parameter.default for name, parameter in inspect.signature(simulate).parameters.items()}
    settings = {field.name: field.default for field in fields(SimulationConfig)}
    renamed = {"dead_fraction": "dead", "npho_threshold": "threshold"}
    assert parse_energy(options.pop("energy")) == settings.pop("energy")
    assert parse_photons(options.pop("photons")) == settings.pop("photons")
    assert 1e-9 * options.pop("pile_up_window") == pytest.approx(settings.pop("pile_up_window"))
    settings.pop("geometry")
    assert load_geometry(options.pop("geometry")) is SimulationConfig().geometry
    for name, value in settings.items():
        assert options[renamed.get(name, name)] == value


def test_a_process_that_dies_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("xec_data.simulation.file._make_block", os._exit)
    with pytest.raises(SimulationError, match="a process of the simulation died"):
        simulate_file(tmp_path / "out.root", CONFIG, N, processes=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--events", "0"], "the number of events is 0; expected at least 1"),
        (["--events", "-3"], "the number of events is -3"),
        (["--events", "100000000000000000000"], "would be larger than its disk, which holds"),
        (["--energy", "52.8MeV"], "cannot read the energy '52.8MeV'"),
        (["--energy", "52.8"], "the energy range is 52.8:52.8 GeV"),
        (["--photons", "5"], "the numbers of photons are 5:5; expected 0 ≤ low ≤ high ≤ 4"),
        (["--photons", "3:1"], "the numbers of photons are 3:1"),
        (
            ["--photons", "1.5"],
            "cannot read the numbers of photons '1.5'; expected one (1) or a range (0:4)",
        ),
        (["--pile-up-window", "-1"], "the pile-up window is -1 ns; expected 0 to 1000 ns"),
        (["--pile-up-window", "nan"], "the pile-up window is nan ns"),
        (["--dead", "1"], "the fraction of dead sensors is 1; expected 0 ≤ fraction < 1"),
        (["--dead", "-0.5"], "the fraction of dead sensors is -0.5"),
        (["--seed", "-1"], "the seed is -1"),
        (["--processes", "-1"], "the number of processes is -1"),
        (["--chunk", "0"], "the chunk size is 0"),
        (["--deposits", "0"], "the number of deposits is 0"),
    ],
)
def test_wrong_values_are_one_line(tmp_path, capsys, arguments, complaint):
    assert _run(tmp_path / "out.root", *arguments) == 2
    # Another package's command that cannot be loaded would be a warning here.
    lines = capsys.readouterr().err.splitlines()
    (error,) = (line for line in lines if not line.startswith("warning: the command"))
    assert error.startswith("xec: error: ")
    assert complaint in error
    assert not list(tmp_path.iterdir())


def test_output_is_checked_before_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("xec_data.simulation.generator.EventGenerator.block", None)
    assert _run(tmp_path / "missing" / "out.root", "--events", "1000000") == 2
    assert "does not exist" in capsys.readouterr().err
    assert _run(tmp_path, "--events", "1000000") == 2
    assert "it is a folder" in capsys.readouterr().err


def test_nothing_is_left_of_an_interrupted_file(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("xec_data.simulation.generator.EventGenerator.block", fail)
    with pytest.raises(KeyboardInterrupt):
        simulate_file(tmp_path / "out.root", CONFIG, N)
    assert not list(tmp_path.iterdir())
