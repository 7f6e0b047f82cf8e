"""`xec compare-inpainting`: numbers that are known beforehand, from the mask to the files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import xec_analysis.inpainting.energy_effect
import xec_analysis.inpainting.network
from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting import comparison as program
from xec_analysis.inpainting.energy_effect import COMPLETE, LEFT, energy_effect, predict_energies
from xec_analysis.inpainting.hidden_readings import (
    HIDDEN_FOR_TEST,
    REALLY_DEAD,
    Collector,
    FilledEvents,
    HiddenReadings,
    fill_in_events,
)
from xec_analysis.inpainting.hidden_sensors import HealthySensors, PseudoExperiment
from xec_analysis.inpainting.network import as_function, open_reconstruction
from xec_analysis.inpainting.numbers import Numbers, by_face, by_npho, verdicts
from xec_data import TreeWriter
from xec_data.dead_channels.sources import write_dead_channels
from xec_data.reading.columns import read_columns
from xec_data.schema.branches import is_invalid
from xec_geometry import FACES, N_SENSORS, face_ids
from xec_geometry.cli.application import main
from xec_models.dead_channels.estimators import ESTIMATORS, neighbour_average

NPHO_EDGES_SHOWN = ("10", "30", "100", "300", "1000", "3000")


def off_by(file: Path, photons: float, seconds: float | None = None) -> Callable[..., Mapping[str, Any]]:
    """A network that is off by so much from the truth, which it has to look up: it is not shown."""
    raw = read_columns(file, ["npho", "relative_time"])
    done = 0

    def reconstruct(npho: np.ndarray, time: np.ndarray, hidden: np.ndarray) -> Mapping[str, Any]:
        nonlocal done
        assert is_invalid(npho[hidden]).all()
        assert is_invalid(time[hidden]).all()
        part = slice(done, done + len(npho))
        done = part.stop
        answer = {"npho": np.where(hidden, raw["npho"][part] + np.float32(photons), npho)}
        if seconds is not None:
            answer["time"] = np.where(hidden, raw["relative_time"][part] + np.float32(seconds), time)
        return answer

    return reconstruct


def collect(file: Path, validation: Any, network: Any = None, **options: Any) -> HiddenReadings:
    collector = Collector()
    networks = {NETWORK: network} if network is not None else {}
    for chunk in fill_in_events(file, validation, {"neighbours": neighbour_average}, networks, **options):
        collector.add(chunk)
    return collector.readings()


@pytest.fixture(scope="module")
def listed() -> np.ndarray:
    return np.random.default_rng(0).random(N_SENSORS) < 0.03


def test_absolute_times_are_seen_from_the_earliest_on(tmp_path: Path, listed: np.ndarray) -> None:
    """As `xec predict` does: the network, and the truth beside its estimates, are on the relative clock."""
    random = np.random.default_rng(3)
    npho = random.exponential(500.0, (5, N_SENSORS)).astype(np.float32)
    relative = random.uniform(0.0, 1e-7, (5, N_SENSORS))
    relative[:, 4000] = 0.0
    path = tmp_path / "real.root"
    with TreeWriter(path) as writer:
        writer.extend({"npho": npho, "time": relative + random.normal(-6e-7, 1e-7, (5, 1))})
    seen = []

    def network(npho: np.ndarray, time: np.ndarray, hidden: np.ndarray) -> Mapping[str, Any]:
        seen.append(np.where(hidden, relative, time))
        return {"npho": npho, "time": time}

    readings = collect(path, PseudoExperiment(listed), network)
    np.testing.assert_allclose(seen[0], relative, rtol=0, atol=1e-14)
    expected = relative[readings.entry, readings.sensor]
    np.testing.assert_allclose(readings.time_truth, expected, rtol=0, atol=1e-14)


def test_pseudo_experiment(events_file: Path, listed: np.ndarray) -> None:
    readings = collect(events_file, PseudoExperiment(listed), off_by(events_file, 3.0), max_events=250)
    raw = read_columns(events_file, ["npho", "run", "event"])
    npho = raw["npho"][:250]
    invalid = is_invalid(npho)
    assert readings.n_events == 250
    np.testing.assert_array_equal(readings.event, raw["event"][:250])
    test = readings.mask_type == HIDDEN_FOR_TEST
    assert test.sum() == (listed & ~invalid).sum()
    assert (readings.mask_type == REALLY_DEAD).sum() == invalid.sum()
    np.testing.assert_array_equal(readings.truth[test], npho[readings.entry[test], readings.sensor[test]])
    assert np.isnan(readings.truth[~test]).all()
    np.testing.assert_allclose(readings.error(NETWORK)[test], 3.0, atol=1e-2)
    assert len(readings.time_truth) == 0
    # What stands at the hidden sensors is not looked at.
    expected = neighbour_average(npho, listed)[readings.entry, readings.sensor]
    np.testing.assert_array_equal(readings.estimates["neighbours"], expected)


def test_known_as_bad_and_invalid_in_an_event(
    events_file: Path, listed: np.ndarray, tmp_path: Path, compare: Compare
) -> None:
    dead = write_dead_channels(tmp_path / "dead.txt", listed)
    pdf, root = tmp_path / "out.pdf", tmp_path / "residuals.root"
    data = ("--dead", dead, "--validation", "data", "-n", 10, "-o", pdf, "--residuals", root)
    code, out, _ = compare(events_file, *data)
    assert code == 0
    invalid = is_invalid(read_columns(events_file, ["npho"])["npho"][:10])
    said = f"{invalid.sum()} readings that are invalid in their event, {(listed & ~invalid).sum()} valid ones"
    assert f"used by no method: {said} of sensors known as bad" in out
    columns = read_columns(root)
    assert (columns["mask_type"] == REALLY_DEAD).sum() == (invalid | listed).sum()


def test_numbers_against_their_definitions(events_file: Path) -> None:
    readings = collect(
        events_file, HealthySensors(0.1, seed=4), off_by(events_file, -2.0, 5e-10), max_events=120
    )
    rows = {(row.quantity, row.group, row.by): row for row in by_face(readings)}
    assert [group for quantity, group, by in rows if (quantity, by) == ("npho", NETWORK)] == [*FACES, "all"]
    for face in FACES:
        part = np.isin(readings.sensor, face_ids(face)) & (readings.mask_type == HIDDEN_FOR_TEST)
        row, other = rows["npho", face, NETWORK], rows["npho", face, "neighbours"]
        assert row.count == other.count == part.sum()
        for measure in (row.mae, row.rmse):
            assert measure == pytest.approx(2.0, abs=0.01)
        assert row.bias == pytest.approx(-2.0, abs=0.01)
        error = np.sort(readings.estimates["neighbours"][part] - readings.truth[part])
        assert other.rmse**2 == pytest.approx(np.mean(error**2))
        assert other.mae == pytest.approx(np.abs(error).mean())
        for percent, width in ((68, other.res_68), (95, other.res_95)):
            inside = np.mean(np.abs(error - np.median(error)) <= 2.5 * width)
            assert inside > percent / 100
            low, high = np.quantile(error, [0.5 - percent / 200, 0.5 + percent / 200])
            assert 2 * width == pytest.approx(high - low)
    # Of the last face, whose sample is small.
    assert other.bias_error == pytest.approx(stats.sem(error))
    assert other.mae_error == pytest.approx(stats.sem(np.abs(error)))
    assert other.rmse_error == pytest.approx(stats.sem(error**2) / (2 * other.rmse), rel=1e-2)
    drawn = np.random.default_rng(3).choice(error, (1000, len(error)))
    for percent, claimed in ((68, other.res_68_error), (95, other.res_95_error)):
        low, high = np.quantile(drawn, [0.5 - percent / 200, 0.5 + percent / 200], axis=1)
        assert claimed == pytest.approx(np.std(high - low) / 2, rel=0.2)
    time = rows["time", "all", NETWORK]
    assert (time.unit, time.bias) == ("ps", pytest.approx(500, rel=1e-3))
    assert 0 < time.count < rows["npho", "all", NETWORK].count
    assert (
        sum(row.count for row in by_npho(readings) if row.by == NETWORK) == rows["npho", "all", NETWORK].count
    )


@pytest.mark.parametrize(("in_a_run", "title"), [(True, "night_3"), (False, "checkpoint_best.pth")])
def test_pages_name_the_run(
    events_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_a_run: bool, title: str
) -> None:
    checkpoint = tmp_path / "night_3" / "checkpoint_best.pth"
    checkpoint.parent.mkdir()
    for path in (checkpoint, *([checkpoint.with_name("config.yaml")] if in_a_run else [])):
        path.touch()
    titles = []
    monkeypatch.setattr(program, "draw_comparison", lambda *_, **said: titles.append(said["title"]))
    comparison = program.InpaintingComparison("", collect(events_file, HealthySensors(0.1, seed=4)), None)
    options = program.ComparisonOptions(
        files=[events_file], models={NETWORK: checkpoint}, output=tmp_path / "o.pdf"
    )
    program.write_comparison(comparison, options)
    assert titles == [f"Inpainting, {title}"]


def test_the_verdict_is_a_ratio() -> None:
    rows = [
        Numbers("npho", "photons", "inner", by, 10, 50.0, 0.0, 1.0, rmse, 1.0, 2.0)
        for by, rmse in ((NETWORK, 3.0), ("light map", 12.0))
    ]
    assert verdicts(rows) == ["RMSE of the network over that of the light map: inner 0.25"]
    assert verdicts(rows[1:]) == []


def test_nothing_to_compare(events_file: Path) -> None:
    with pytest.raises(AnalysisError, match="no sensor with a valid reading is hidden in 3 events"):
        collect(events_file, PseudoExperiment(np.zeros(N_SENSORS, bool)), max_events=3)


class SumOfPhotons:
    """A regressor whose energy is a nanoelectronvolt per valid photon, and nothing else."""

    def predict(self, npho: Any, time: Any) -> dict[str, np.ndarray]:
        assert npho.dtype == time.dtype == np.float32
        assert np.isfinite(npho).all()
        counts = np.where(npho < 9e9, npho, 0.0)
        return {"energy": counts.sum(axis=1, keepdims=True) * np.float32(1e-9)}


def test_energies_of_treated_events() -> None:
    """Uniform light: whoever fills in perfectly gets all of it, and the dead channels' share is missing."""
    n = 4
    npho = np.full((n, N_SENSORS), 100.0, np.float32)
    dead = np.zeros((n, N_SENSORS), bool)
    dead[:, :10] = True
    npho[dead] = 1e10
    hidden = np.zeros_like(dead)
    hidden[:, 20:120] = True
    estimates = {NETWORK: np.full(npho.shape, 100.0), "none": np.full(npho.shape, np.nan)}
    chunk = FilledEvents(npho, np.full_like(npho, 1e-9), hidden, dead, estimates, {}, {})
    energies = predict_energies(SumOfPhotons(), chunk)
    full = N_SENSORS * 1e-7
    for name, sensors in (
        (COMPLETE, N_SENSORS - 10),
        (LEFT, N_SENSORS - 110),
        (NETWORK, N_SENSORS),
        ("none", N_SENSORS - 110),
    ):
        np.testing.assert_allclose(energies[name], sensors * 1e-7, rtol=1e-5)
    effect = energy_effect([energies], [np.full(n, full)])
    assert effect.reference == "true energy"
    np.testing.assert_allclose(effect.deviations[LEFT], -110 / N_SENSORS, rtol=1e-3)
    np.testing.assert_allclose(effect.deviations[NETWORK], 0.0, atol=1e-5)
    relative = energy_effect([energies], [None])
    assert COMPLETE not in relative.deviations
    np.testing.assert_allclose(relative.deviations[LEFT], -100 / (N_SENSORS - 10), rtol=1e-3)
    with pytest.raises(AnalysisError, match="not one event with a finite energy"):
        energy_effect([energies], [np.full(n, 1e10)])


def test_networks_are_asked_in_batches() -> None:
    import torch

    class Doubles(torch.nn.Module):
        def forward(self, npho: Any, time: Any, mask: Any) -> dict[str, Any]:
            assert (npho.dtype, mask.dtype) == (torch.float32, torch.bool)
            assert len(npho) <= 16
            return {"npho": torch.where(mask, 2 * npho, npho)}

    npho = np.arange(40.0 * N_SENSORS, dtype=np.float32).reshape(40, -1)
    mask = np.random.default_rng(0).random(npho.shape) < 0.5
    answer = as_function(Doubles())(npho, npho, np.broadcast_to(mask[0], npho.shape))
    np.testing.assert_array_equal(answer["npho"], np.where(mask[0], 2 * npho, npho))


Compare = Callable[..., tuple[int, str, str]]


def pretended(path: Path) -> Path:
    """A file that begins like a checkpoint."""
    path.write_bytes(b"PK\x03\x04")
    return path


def test_the_command_without_a_network(
    events_file: Path, listed: np.ndarray, tmp_path: Path, compare: Compare
) -> None:
    dead = write_dead_channels(tmp_path / "dead.txt", listed)
    pdf, root = tmp_path / "out.pdf", tmp_path / "residuals.root"
    code, out, err = compare(events_file, "--dead", dead, "-n", 30, "-o", pdf, "--residuals", root)
    assert (code, err) == (0, "")
    assert f"{listed.sum()} sensors of a list of dead channels hidden" in out
    invalid = is_invalid(read_columns(events_file, ["npho"])["npho"][:30])
    said = f"{invalid.sum()} readings that are invalid in their event, 0 valid ones of sensors known as bad"
    assert f"used by no method: {said}" in out
    for name in ("inner", "bottom", *ESTIMATORS, "10…30"):
        assert name in out
    assert NETWORK not in out
    # Nothing is cut off on a terminal of 80 columns: the only ellipses are those of the ranges.
    assert out.count("…") == sum(out.count(f"{low}…{high}") for low, high in pairwise(NPHO_EDGES_SHOWN))
    assert pdf.read_bytes().startswith(b"%PDF")
    with (tmp_path / "out.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["against"] for line in lines} == {"face", "npho"}
    (inner,) = [x for x in lines if (x["group"], x["by"]) == ("inner", "light map")]
    columns = read_columns(root)
    test = (columns["mask_type"] == HIDDEN_FOR_TEST) & (columns["face"] == FACES.index("inner"))
    assert int(inner["count"]) == test.sum()
    error = columns["pred_npho_light_map"][test] - columns["truth_npho"][test]
    np.testing.assert_allclose(columns["error_npho_light_map"][test], error, atol=1e-3)
    assert float(inner["rmse"]) == pytest.approx(np.sqrt(np.mean(error.astype(float) ** 2)), rel=1e-4)
    assert np.isnan(columns["truth_npho"][columns["mask_type"] == REALLY_DEAD]).all()
    assert set(columns["sensor"][columns["mask_type"] == HIDDEN_FOR_TEST]) <= set(np.flatnonzero(listed))


def test_the_command_with_a_network_and_a_regressor(
    events_file: Path,
    tmp_path: Path,
    compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = pretended(tmp_path / "net.pth")
    monkeypatch.setattr(
        xec_analysis.inpainting.network, "open_reconstruction", lambda _: off_by(events_file, 0.5, 1e-10)
    )
    monkeypatch.setattr(xec_analysis.inpainting.energy_effect, "open_regressor", lambda _: SumOfPhotons())
    code, out, err = compare(
        network,
        events_file,
        "-n",
        40,
        "-o",
        tmp_path / "o.pdf",
        "--regressor",
        "e.onnx",
        "--fraction",
        0.1,
    )
    assert (code, err) == (0, "")
    assert "10 % of the healthy sensors of each face hidden at random (seed 0)" in out
    assert "RMSE of the network over that of the light map: inner 0.0" in out
    assert "time: estimate − truth, in ps" in out
    for treatment in (COMPLETE, LEFT):
        assert treatment in out
    again = tmp_path / "again.pdf"
    compare(network, events_file, "-n", 40, "-o", again, "--regressor", "e.onnx", "--fraction", 0.1)
    assert again.read_bytes() == (tmp_path / "o.pdf").read_bytes()


def test_a_checkpoint_of_another_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xec_models.checkpoint.content import NetworkWeights
    from xec_models.checkpoint.writing import new_checkpoint

    regressor = new_checkpoint("regressor", {}, NetworkWeights({}))
    monkeypatch.setattr("xec_models.checkpoint.reading.read_checkpoint", lambda _: regressor)
    with pytest.raises(AnalysisError, match="kind 'regressor'; expected one that reconstructs readings"):
        open_reconstruction(tmp_path / "regressor.pth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.pth"], "nothing to compare in model.pth (checkpoint of a network); expected runs of"),
        (["FILE", "-o", "out.png"], "cannot draw out.png: expected the name of a .pdf file"),
        (["FILE", "-n", "0"], "--events 0: expected at least 1"),
        (["model.pth", "FILE"], "model.pth is truncated (4 bytes)"),
        (["FILE", "--regressor", "FILE"], "is a ROOT file"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    events_file: Path,
    compare: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    pretended(tmp_path / "model.pth")
    code, _, err = compare(*(str(events_file) if x == "FILE" else x for x in arguments))
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.pth"]


def test_the_command_with_a_real_network(events_file: Path, tmp_path: Path, compare: Compare) -> None:
    """An untrained inpainter from its checkpoint: what it sees stays, what is hidden is filled in."""
    from xec_data.normalization.transforms import NormalizationConfig
    from xec_models.checkpoint.content import NetworkWeights
    from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
    from xec_models.config.network import InpainterConfig
    from xec_models.reconstruction.inpainter.inpainter import XECInpainter

    shape = {"encoder_dim": 64, "num_fusion_layers": 1, "hidden_dim": 16, "outer_fine_pool": [3, 3]}
    config = {"model": shape, "normalization": NormalizationConfig(npho_scheme="sqrt").model_dump()}
    network = XECInpainter(InpainterConfig(**shape), NormalizationConfig(npho_scheme="sqrt"))
    path = tmp_path / "inpainter.pth"
    save_checkpoint(path, new_checkpoint("inpainter", config, NetworkWeights(network.state_dict())))
    code, out, err = compare(path, events_file, "-n", 5, "-o", tmp_path / "out.pdf")
    assert (code, err) == (0, "")
    assert "RMSE of the network over that of the neighbours: inner" in out
    raw = {name: x[:5] for name, x in read_columns(events_file, ["npho", "relative_time"]).items()}
    hidden = np.random.default_rng(0).random(raw["npho"].shape) < 0.05
    answer = open_reconstruction(path)(raw["npho"], raw["relative_time"], hidden)
    assert set(answer) == {"npho", "time"}
    np.testing.assert_array_equal(answer["npho"][~hidden], raw["npho"][~hidden])
    assert np.isfinite(answer["npho"][hidden]).all()


def test_the_earlier_name_says_the_new_one(
    events_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(
            ["compare-inpainting", "--no-network", str(events_file), "-n", "5", "-o", str(tmp_path / "o.pdf")]
        )
    assert not end.value.code
    printed = capsys.readouterr()
    assert printed.err == "warning: 'xec compare-inpainting' is called 'xec compare' now\n"
    assert "5 events" in printed.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv", "o.pdf"]


def test_several_networks(
    events_file: Path, tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [pretended(tmp_path / f"{name}.pth") for name in ("near", "far")]
    answers = {
        paths[0]: off_by(events_file, 0.5, 1e-10),
        paths[1]: off_by(events_file, 500.0),
    }
    monkeypatch.setattr(xec_analysis.inpainting.network, "open_reconstruction", answers.__getitem__)
    root = tmp_path / "residuals.root"
    output = ("-o", tmp_path / "o.pdf", "--residuals", root)
    code, out, err = compare(*paths, events_file, "-n", 20, *output)
    assert (code, err) == (0, "")
    assert "RMSE of near over that of the light map: inner 0.0" in out
    assert "RMSE of far over that of the light map: inner" in out
    with (tmp_path / "o.csv").open() as file:
        rows = {(row["quantity"], row["group"], row["by"]): row for row in csv.DictReader(file)}
    assert float(rows["npho", "all", "near"]["bias"]) == pytest.approx(0.5, abs=0.01)
    assert float(rows["npho", "all", "far"]["bias"]) == pytest.approx(500, abs=0.1)
    assert float(rows["time", "all", "near"]["bias"]) == pytest.approx(100, abs=1)
    assert ("time", "all", "far") not in rows
    columns = read_columns(root)
    assert {"pred_npho_near", "pred_npho_far", "pred_time_near"} <= set(columns)
    assert "pred_time_far" not in columns
    again = [pretended(tmp_path / f"{number}.pth") for number in range(4)]
    assert "4 networks to fill in sensors; expected at most 3" in compare(*again, events_file)[2]


def numbers_of(path: Path) -> dict[tuple[str, ...], dict[str, str]]:
    with path.open() as file:
        return {
            (row["data_set"], row["against"], row["group"], row["by"]): row for row in csv.DictReader(file)
        }


def test_several_files_are_data_sets(
    events_file: Path, tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has the numbers that it has alone, and all together those of all their sensors."""
    raw = read_columns(events_file, ["npho", "relative_time", "run", "event"])
    for k, name in enumerate(("bright", "dim")):
        with TreeWriter(tmp_path / f"{name}.root") as writer:
            part = {column: values[20 * k : 20 * k + 20 - 8 * k] for column, values in raw.items()}
            writer.extend(part | {"npho": np.where(is_invalid(part["npho"]), 1e10, part["npho"] / (1 + k))})
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "residuals.root"
    code, out, err = compare("bright.root", "dim.root", "-n", 15, "-o", "o.pdf", "--residuals", root)
    assert (code, err) == (0, "")
    assert "2 data sets, 27 events" in out
    assert "bright.root: 15 events" in out
    assert "data set" in out
    for name in ("bright", "dim"):
        assert compare(f"{name}.root", "-n", 15, "-o", f"{name}.pdf")[0] == 0
    both = numbers_of(tmp_path / "o.csv")
    for name in ("bright", "dim"):
        for (_, *key), row in numbers_of(tmp_path / f"{name}.csv").items():
            assert {**both[f"{name}.root", *key], "data_set": "all"} == row
    columns = read_columns(root)
    test = columns["mask_type"] == HIDDEN_FOR_TEST
    error = columns["error_npho_neighbours"][test].astype(float)
    row = both["all", "face", "all", "neighbours"]
    assert int(row["count"]) == test.sum()
    assert float(row["rmse"]) == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    np.testing.assert_array_equal(
        np.unique(columns["event"]), np.sort(raw["event"][[*range(15), *range(20, 32)]])
    )
    assert "dim.root is given twice" in compare("dim.root", "dim.root", "-o", "twice.pdf")[2]
    assert not (tmp_path / "twice.pdf").exists()
