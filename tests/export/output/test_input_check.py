"""Files whose events are unlike those of the training are refused, or noted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data.checking.input_range import event_quantities, measure_range
from xec_export import ExportError, PredictionOptions, open_predictor, predict_files
from xec_export.output.input_check import InputCheck
from xec_geometry import N_SENSORS
from xec_geometry.errors import XecError

RANGES = {"light": (1e5, 1e6)}


def events(light: list[float]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    npho = np.zeros((len(light), N_SENSORS))
    npho[:, 0] = light
    return npho, np.full(npho.shape, 1e10)


def test_usual_events_pass_without_a_word() -> None:
    check = InputCheck(RANGES, "a.root", accept=False)
    check.add(*events([2e5] * 50))
    assert check.finish() == []


def test_a_few_unusual_events_are_noted() -> None:
    check = InputCheck(RANGES, "a.root", accept=False)
    check.add(*events([2e5] * 97 + [3.0] * 3))
    (note,) = check.finish()
    assert note == (
        "3 % of the events are unlike those of the training in their light: 3, there 1e+05 to 1e+06 photons"
    )


def test_many_are_refused_or_accepted() -> None:
    for accept in (False, True):
        check = InputCheck(RANGES, "a.root", accept=accept)
        check.add(*events([2e5] * 90 + [3.0] * 10))
        if accept:
            assert "10 % of the events" in check.finish()[0]
        else:
            with pytest.raises(ExportError, match=r"^a\.root: 10 % of the events .* --accept-range to go on"):
                check.finish()


def test_a_large_file_is_refused_early() -> None:
    check = InputCheck(RANGES, "a.root", accept=False)
    with pytest.raises(ExportError, match="100 %"):
        check.add(*events([3.0] * 1000))


def test_a_network_that_does_not_know_says_so() -> None:
    check = InputCheck({}, "a.root", accept=False)
    check.add(*events([3.0] * 2000))
    assert check.finish() == [
        "the network does not say what the events of its training looked like: units are not checked"
    ]


def test_a_substitute_for_photons_whose_unit_nothing_tells(
    exported: Any, make_events: Any, make_file: Any, tmp_path: Path
) -> None:
    predictor, columns = open_predictor(exported.onnx), make_events(20)
    predictor.description = replace(predictor.description, input_range={})
    valid = np.abs(columns["npho"]) < 9e9
    scale = np.where(valid, columns["npho"].max(axis=1, keepdims=True), 1)
    relative = (columns.pop("npho") / scale).astype(np.float32)
    path, out = make_file(tmp_path / "in.root", {**columns, "relative_npho": relative}), tmp_path / "out.root"
    with pytest.raises(ExportError, match=r"in\.root: no branch 'npho', only 'relative_npho', "):
        predict_files(predictor, [path], out)
    assert not out.exists()
    for options in (PredictionOptions(npho_branch="relative_npho"), PredictionOptions(accept_range=True)):
        assert predict_files(predictor, [path], out, options=options).n_events == 20


def test_relative_photons_for_a_network_of_photons(
    exported: Any, make_events: Any, make_file: Any, tmp_path: Path
) -> None:
    """They stand under another name, which a user may give, and mean something else."""
    predictor, columns = open_predictor(exported.onnx), make_events(20)
    ranges = measure_range([event_quantities(columns["npho"], columns["relative_time"])], absolute_times=True)
    predictor.description = replace(predictor.description, input_range=ranges)
    valid = np.abs(columns["npho"]) < 9e9
    largest = np.where(valid, columns["npho"], 0).max(axis=1, keepdims=True)
    relative = np.where(valid, columns["npho"] / largest, columns["npho"]).astype(np.float32)
    path = make_file(tmp_path / "in.root", {**columns, "npho": relative})
    with pytest.raises(
        ExportError, match="100 % of the events are unlike those of the training in their light"
    ):
        predict_files(predictor, [path], tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()
    report = predict_files(
        predictor, [path], tmp_path / "out.root", options=PredictionOptions(accept_range=True)
    )
    assert "unlike those of the training" in report.notes[0]
    renamed = {("relative_npho" if name == "npho" else name): values for name, values in columns.items()}
    alone = make_file(tmp_path / "alone.root", {**renamed, "relative_npho": relative})
    with pytest.raises(XecError, match="npho"):
        predict_files(predictor, [alone], tmp_path / "alone_out.root")
    assert not (tmp_path / "alone_out.root").exists()
    whole = make_file(tmp_path / "whole.root", columns)
    assert not any("unlike" in note for note in predict_files(predictor, [whole], tmp_path / "o.root").notes)
