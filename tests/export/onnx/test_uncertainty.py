"""The exported graph gives the corrected uncertainties, and nothing of how the tasks were weighed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xec_export import open_predictor
from xec_models.checkpoint.building import load_model


@pytest.mark.slow
def test_corrections_are_in_the_graph(corrected: Path, make_events: Callable[..., Any]) -> None:
    events = make_events(8)
    readings = events["npho"], events["relative_time"]
    graph = open_predictor(corrected / "corrected.onnx").predict(*readings)
    with torch.inference_mode():
        before = load_model(corrected / "plain.pth")(*readings)
    assert set(graph) == {"energy", "energy_sigma", "timing"}
    np.testing.assert_allclose(graph["energy_sigma"], 3.0 * before["energy_sigma"].numpy(), rtol=1e-3)
    np.testing.assert_allclose(graph["energy"], before["energy"].numpy(), rtol=1e-3, atol=1e-6)
