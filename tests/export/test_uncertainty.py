"""The exported graph gives the corrected uncertainties, and nothing of how the tasks were weighed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.checkpoint_files import read_checkpoint

from xec_export import export_checkpoint, open_predictor
from xec_models.checkpoint.building import load_model


def test_corrections_are_in_the_graph(
    make_checkpoint: Callable[..., Path], make_events: Callable[..., Any], tmp_path: Path
) -> None:
    plain = make_checkpoint(
        tmp_path / "plain.pth",
        tasks={"energy": {"loss_fn": "gaussian_nll"}, "timing": {}},
        model={"outer_mode": "split", "num_fusion_layers": 0},
    )
    content = read_checkpoint(plain)
    content["config"]["loss_balance"] = "auto"
    content["sigma_factors"] = {"energy": [3.0]}
    for key in ("model", "ema_model"):
        content[key]["log_variances.timing"] = torch.ones(1)
    corrected = tmp_path / "corrected.pth"
    torch.save(content, corrected)

    export_checkpoint(corrected, tmp_path / "corrected.onnx")
    events = make_events(8)
    readings = events["npho"], events["relative_time"]
    graph = open_predictor(tmp_path / "corrected.onnx").predict(*readings)
    with torch.inference_mode():
        before = load_model(plain)(*readings)
    assert set(graph) == {"energy", "energy_sigma", "timing"}
    np.testing.assert_allclose(graph["energy_sigma"], 3.0 * before["energy_sigma"].numpy(), rtol=1e-3)
    np.testing.assert_allclose(graph["energy"], before["energy"].numpy(), rtol=1e-3, atol=1e-6)
