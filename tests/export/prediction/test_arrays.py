"""Predictors take events in any arrays, one or many, and give numpy arrays or tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch

from xec_export import ExportError, MirroredPredictor, open_predictor
from xec_export.prediction.arrays import ArrayPredictor
from xec_geometry import N_SENSORS

Arrays = dict[str, np.ndarray[Any, Any]]

FORMS: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "numpy": lambda rows: rows,
    "lists": lambda rows: rows.tolist(),
    "awkward": ak.Array,
    "ragged": lambda rows: ak.from_regular(ak.Array(rows)),
    "torch": torch.tensor,
}


@pytest.fixture(scope="module", params=["onnx", "checkpoint", "mirrored"])
def predictor(exported: Any, request: pytest.FixtureRequest) -> ArrayPredictor:
    if request.param == "mirrored":
        return MirroredPredictor(open_predictor(exported.onnx))
    return open_predictor(getattr(exported, request.param))


@pytest.mark.parametrize("form", FORMS)
def test_any_arrays(predictor: ArrayPredictor, make_events: Callable[..., Arrays], form: str) -> None:
    readings = [make_events(3)[name] for name in ("npho", "relative_time")]
    expected = predictor.predict(*readings)
    given = [FORMS[form](values) for values in readings]
    found = predictor.predict(*given, library="torch")
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert isinstance(values, torch.Tensor)
        np.testing.assert_array_equal(values, expected[name])
    one = predictor.predict(*(values[1] for values in given))
    np.testing.assert_allclose(one["energy"], expected["energy"][1:2], rtol=1e-5)
    none = predictor.predict(*(values[:0] for values in given if form != "lists"), *_no_lists(form))
    assert none["uvwFI"].shape == (0, 3)


def _no_lists(form: str) -> list[Any]:
    # An empty list says nothing of the length of its rows.
    return [np.empty((0, N_SENSORS))] * 2 if form == "lists" else []


def test_rows_of_another_length(predictor: ArrayPredictor) -> None:
    with pytest.raises(ExportError, match="npho: event 1 has 2 numbers; expected 4760"):
        predictor.predict(ak.Array([[0.0] * N_SENSORS, [1.0, 2.0]]), np.zeros((2, N_SENSORS)))


def test_another_library(predictor: ArrayPredictor) -> None:
    with pytest.raises(ExportError, match="library 'pandas'; expected 'np' or 'torch'"):
        predictor.predict(np.zeros(N_SENSORS), np.zeros(N_SENSORS), library="pandas")  # type: ignore[call-overload]
