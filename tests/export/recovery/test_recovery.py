"""Dead channels are kept from a network, or recovered before it, in several ways at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.once import once

from xec_data import DataError, read_columns
from xec_data.normalization.transforms import NormalizationConfig
from xec_data.writing.tree_writer import read_metadata
from xec_export import DeadChannelTreatment, ExportError, PredictionOptions, open_predictor, predict_files
from xec_export.inpainting.network import InpaintingNetwork
from xec_export.output.origin import ORIGIN_KEY
from xec_export.prediction.predictor import OnnxPredictor
from xec_export.recovery.table import RECOVERIES
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import InpainterConfig
from xec_models.dead_channels.estimators import ESTIMATORS, neighbour_average
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

Arrays = dict[str, np.ndarray[Any, Any]]
MakeEvents = Callable[..., Arrays]
MakeFile = Callable[..., Path]

DEAD = [0, 17, 44, 2000, 4100, 4500, 4759]
THRESHOLD = 100.0
BY_ESTIMATOR = {"average": "neighbours", "solid-angle": "solid angle", "light-map": "light map"}


def write_inpainter(path: Path, *channels: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = InpainterConfig(
            encoder_dim=64, outer_fine_pool=(3, 3), num_fusion_layers=1, predict_channels=channels
        )
        config = {
            "model": model.model_dump(mode="json"),
            "normalization": NormalizationConfig().model_dump(mode="json"),
            "data": {"npho_branch": "npho", "time_branch": "relative_time"},
        }
        network = XECInpainter.from_config(config)
    save_checkpoint(path, new_checkpoint("inpainter", config, NetworkWeights(network.state_dict())))


@pytest.fixture(scope="module")
def inpainters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an inpainter of counts and times, and one of counts."""

    def fill(folder: Path) -> None:
        write_inpainter(folder / "both.pth", "npho", "time")
        write_inpainter(folder / "counts.pth", "npho")

    return once(tmp_path_factory, "recovery", fill)


@pytest.fixture(scope="module")
def predictor(exported: Any) -> OnnxPredictor:
    opened = open_predictor(exported.onnx, tasks=["energy"])
    assert isinstance(opened, OnnxPredictor)
    return opened


@pytest.fixture
def dead_list(tmp_path: Path) -> Path:
    path = tmp_path / "dead.txt"
    path.write_text("\n".join(map(str, DEAD)))
    return path


def masked(events: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dead = np.zeros(events["npho"].shape, bool)
    dead[:, DEAD] = True
    npho, time = (np.where(dead, np.float32(1e10), events[name]) for name in ("npho", "relative_time"))
    return npho, time, dead


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.mark.parametrize("name", BY_ESTIMATOR)
def test_estimators_fill_in_dead_sensors_only(make_events: MakeEvents, name: str) -> None:
    npho, time, dead = masked(make_events(3))
    npho[2] = 1e10
    photons, times = RECOVERIES[name].open(None, None)(npho, time, dead, THRESHOLD)
    assert photons.dtype == times.dtype == np.float32
    np.testing.assert_array_equal(photons[~dead], npho[~dead])
    np.testing.assert_array_equal(times[~dead], time[~dead])
    expected = ESTIMATORS[BY_ESTIMATOR[name]].function(npho, dead)
    np.testing.assert_allclose(photons[:2, DEAD], expected[:2, DEAD], rtol=1e-6)
    # Nothing is known of an event without a reading.
    assert (photons[2] == 1e10).all()
    mean = neighbour_average(time, dead)[:2, DEAD]
    np.testing.assert_allclose(
        times[:2, DEAD], np.where(expected[:2, DEAD] >= THRESHOLD, mean, 1e10), rtol=1e-6
    )


def test_a_time_needs_light(make_events: MakeEvents) -> None:
    npho, time, dead = masked(make_events(2))
    _, times = RECOVERIES["average"].open(None, None)(npho, time, dead, 1e9)
    assert (times[:, DEAD] == 1e10).all()


@pytest.mark.parametrize("model", ["both", "counts"])
def test_an_inpainter_fills_in_dead_sensors_only(
    make_events: MakeEvents, inpainters: Path, model: str
) -> None:
    npho, time, dead = masked(make_events(3))
    npho[2] = 1e10
    path = inpainters / f"{model}.pth"
    photons, times = RECOVERIES["inpaint"].open(path, None)(npho, time, dead, THRESHOLD)
    expected = InpaintingNetwork(path).recover(npho[:2], time[:2], dead[:2])
    np.testing.assert_allclose(photons[:2, DEAD], expected["npho"][:, DEAD], rtol=1e-5)
    assert (photons[2] == 1e10).all()
    if model == "both":
        np.testing.assert_allclose(times[:2, DEAD], expected["time"][:, DEAD], rtol=1e-5)
    else:
        bright = photons[:2, DEAD] >= THRESHOLD
        mean = neighbour_average(time, dead)[:2, DEAD]
        np.testing.assert_allclose(times[:2, DEAD], np.where(bright, mean, 1e10), rtol=1e-6)
    np.testing.assert_array_equal(photons[~dead], npho[~dead])
    np.testing.assert_array_equal(times[~dead], time[~dead])


def test_several_ways_stand_beside_each_other(
    exported: Any,
    predictor: OnnxPredictor,
    make_events: MakeEvents,
    event_file: Path,
    inpainters: Path,
    dead_list: Path,
    tmp_path: Path,
) -> None:
    ways = ["none,average", f"inpaint={inpainters / 'both.pth'}"]
    options = [word for way in ways for word in ("--recover", way)]
    command = ["predict", exported.onnx, event_file, "-o", tmp_path / "out.root", "--dead", dead_list]
    assert run(*command, *options, "--tasks", "energy") == 0
    found = read_columns(tmp_path / "out.root")
    npho, time, dead = masked(make_events(70))
    for column, name, model in (
        ("raw", "none", None),
        ("average", "average", None),
        ("inpaint", "inpaint", inpainters / "both.pth"),
    ):
        readings = RECOVERIES[name].open(model, None)(npho, time, dead, THRESHOLD)
        expected = predictor.predict(*readings)
        np.testing.assert_allclose(found[f"pred_energy_{column}"], expected["energy"][:, 0], rtol=1e-5)
        np.testing.assert_allclose(found[f"sigma_energy_{column}"], expected["energy_sigma"][:, 0], rtol=1e-5)
    assert len({float(found[f"pred_energy_{column}"][0]) for column in ("raw", "average", "inpaint")}) == 3
    np.testing.assert_array_equal(found["pred_energy"], found["pred_energy_raw"])
    assert (found["n_dead"] == len(DEAD)).all()
    assert "true_energy_raw" not in found


def test_one_way_has_plain_names(
    predictor: OnnxPredictor, make_events: MakeEvents, event_file: Path, dead_list: Path, tmp_path: Path
) -> None:
    options = PredictionOptions(dead_channels=DeadChannelTreatment(["average"], [dead_list]))
    report = predict_files(predictor, [event_file], tmp_path / "out.root", options=options)
    assert not [name for name in report.branches if name.startswith("pred_energy_")]
    readings = RECOVERIES["average"].open(None, None)(*masked(make_events(70)), THRESHOLD)
    expected = predictor.predict(*readings)["energy"][:, 0]
    np.testing.assert_allclose(read_columns(report.output)["pred_energy"], expected, rtol=1e-5)


def test_what_a_dead_sensor_reads_has_no_influence(
    predictor: OnnxPredictor, make_events: MakeEvents, make_file: MakeFile, dead_list: Path, tmp_path: Path
) -> None:
    events = make_events(4)
    options = PredictionOptions(dead_channels=DeadChannelTreatment(["none", "average"], [dead_list]))
    energies = []
    for name, value in (("a", 0.0), ("b", 5e4)):
        events["npho"][:, DEAD] = value
        path = make_file(tmp_path / f"{name}.root", events)
        predict_files(predictor, [path], tmp_path / f"{name}_out.root", options=options)
        energies.append(read_columns(tmp_path / f"{name}_out.root"))
    for column in ("pred_energy_raw", "pred_energy_average"):
        np.testing.assert_array_equal(energies[0][column], energies[1][column])


def test_the_branch_of_the_inputs_tells(
    predictor: OnnxPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(4)
    events["dead"] = masked(events)[2]
    events["dead"][1] = False
    path = make_file(tmp_path / "in.root", events)
    options = PredictionOptions(dead_channels=DeadChannelTreatment(["none"]))
    predict_files(predictor, [path], tmp_path / "out.root", options=options)
    found = read_columns(tmp_path / "out.root")
    assert found["n_dead"].tolist() == [7, 0, 7, 7]
    expected = predictor.predict(events["npho"][1], events["relative_time"][1])
    np.testing.assert_allclose(found["pred_energy"][1], expected["energy"][0, 0], rtol=1e-5)
    del events["dead"]
    bare = make_file(tmp_path / "bare.root", events)
    with pytest.raises(ExportError, match=r"bare\.root has no branch 'dead'.*expected --dead SOURCE"):
        predict_files(predictor, [path, bare], tmp_path / "no.root", options=options)


def test_dead_sensors_of_each_run(
    predictor: OnnxPredictor, make_events: MakeEvents, make_file: MakeFile, tmp_path: Path
) -> None:
    events = make_events(6)
    events["run"] = np.array([7, 8, 7, 8, 8, 7], np.int32)
    dead = np.zeros((2, N_SENSORS), bool)
    dead[0, [1, 2]], dead[1, 3] = True, True
    source = make_file(tmp_path / "source.root", {"dead": dead, "run": np.array([7, 8], np.int32)})
    path = make_file(tmp_path / "in.root", events)
    options = PredictionOptions(dead_channels=DeadChannelTreatment(dead=[source]))
    predict_files(predictor, [path], tmp_path / "out.root", options=options)
    assert read_columns(tmp_path / "out.root")["n_dead"].tolist() == [2, 1, 2, 1, 1, 2]
    events["run"][0] = 9
    with pytest.raises(DataError, match="no events of run 9"):
        predict_files(
            predictor, [make_file(tmp_path / "9.root", events)], tmp_path / "no.root", options=options
        )


def test_the_record_names_networks_and_lists_but_no_address(
    predictor: OnnxPredictor,
    event_file: Path,
    inpainters: Path,
    dead_list: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def origin(**changes: Any) -> Any:
        settings = {"recover": ["none"], "dead": [dead_list], **changes}
        options = PredictionOptions(dead_channels=DeadChannelTreatment(**settings))
        return options.origin(predictor, [event_file])

    first = origin()
    assert origin() == first
    others = [
        origin(recover=["average"]),
        origin(recover=["none", f"inpaint={inpainters / 'both.pth'}"]),
        origin(recover=["none", f"inpaint={inpainters / 'counts.pth'}"]),
    ]
    assert all(other not in [first, *others[:i]] for i, other in enumerate(others))
    dead_list.write_text("1 2 3")
    assert origin() != first

    class Source:
        def dead(self, run: int | None = None) -> np.ndarray:
            return np.zeros(N_SENSORS, bool)

    monkeypatch.setattr("xec_export.recovery.treatment.open_dead_channels", lambda *_, **__: Source())
    options = PredictionOptions(
        dead_channels=DeadChannelTreatment(dead=["mysql://user:secret@host/conditions"])
    )
    predict_files(predictor, [event_file], tmp_path / "out.root", options=options)
    record = read_metadata(tmp_path / "out.root")[ORIGIN_KEY]["options"]["dead_channels"]
    assert record["recover"] == [["none", ""]]
    assert "secret" not in str(record)


@pytest.mark.parametrize(
    ("recover", "message"),
    [
        (
            ["averge"],
            r"--recover: unknown recovery 'averge' \(did you mean 'average'\?\); expected one of none",
        ),
        (["inpaint"], "--recover inpaint: needs a network; expected inpaint=FILE"),
        (["none=a.pth"], "'none' needs no file"),
        (["inpaint=nowhere.pth"], r"no such file: nowhere\.pth"),
        (["inpaint={}/both.pth", "inpaint={}/../recovery/both.pth"], "expected files of different names"),
    ],
)
def test_what_is_no_recovery(inpainters: Path, recover: list[str], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        DeadChannelTreatment([text.format(inpainters) for text in recover])


def test_two_inpainters_are_told_apart(inpainters: Path) -> None:
    ways = [f"inpaint={inpainters / name}.pth" for name in ("both", "counts")]
    assert DeadChannelTreatment(ways).names == ("", "inpaint_both", "inpaint_counts")


def test_several_inputs_of_a_network_are_not_one_dump(
    predictor: OnnxPredictor, event_file: Path, dead_list: Path, tmp_path: Path
) -> None:
    options = PredictionOptions(dead_channels=DeadChannelTreatment(["none", "average"], [dead_list]))
    with pytest.raises(ExportError, match="several recoveries of dead channels"):
        predict_files(
            predictor, [event_file], tmp_path / "out.root", options=options, dump=tmp_path / "events.xec"
        )
    assert set(tmp_path.iterdir()) == {dead_list}
