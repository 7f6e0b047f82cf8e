"""Everything that can be exported gives what torch gives, for any number of events, none included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_export import export_checkpoint
from xec_export.forms.inputs import GRAPH_INPUTS
from xec_export.forms.table import EXPORT_FORMS
from xec_export.onnx.parity_events import DAMAGES
from xec_export.prediction.graph import OnnxGraph
from xec_geometry import N_SENSORS
from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS

EARLIER: dict[str, Any] = {"layout": "xec-ml-wl", "outer_fine_pool": (3, 3)}

OPTIONS: dict[str, dict[str, Any]] = {
    "cross_attention": {"predict_channels": ["npho"]},
    "per_face": {"layout": "xec-ml-wl", "outer_mode": "split"},
}
"""Of heads that have more than `EARLIER` to show."""

EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "regressor": {
        "pooled": {
            "model": {"outer_fine_pool": [3, 3], "encoder_dim": 64, "num_fusion_layers": 0},
            "tasks": {"energy": {}},
            "normalization": {"npho_scheme": "anscombe"},
        },
        "earlier layout, attention": {
            "model": {
                "hex_conv": "attention",
                "position": "geometric",
                "layout": "xec-ml-wl",
                "outer_fine_pool": [3, 3],
            },
            "tasks": {"angle": {"loss_fn": "cosine"}},
            "normalization": {"npho_scheme": "sqrt"},
        },
    },
    "inpainter": {head: {"head": head, **OPTIONS.get(head, EARLIER)} for head in INPAINTER_HEADS},
    "mae": {"pooled": {"outer_fine_pool": (3, 3)}},
    "encoder": {"pooled": {"model": {"encoder_dim": 128, "outer_fine_pool": [3, 3]}}},
}
"""By form, networks of every shape: what its writer takes."""


def test_every_form_has_an_example() -> None:
    assert set(EXAMPLES) == set(EXPORT_FORMS)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow_networks")
@pytest.mark.parametrize(
    ("form", "example"), [(form, example) for form, examples in EXAMPLES.items() for example in examples]
)
def test_the_graph_agrees_with_torch(
    make_checkpoint: Callable[..., Path],
    make_inpainter: Callable[..., Path],
    make_autoencoder: Callable[..., Path],
    event_file: Path,
    tmp_path: Path,
    form: str,
    example: str,
) -> None:
    make = {"inpainter": make_inpainter, "mae": make_autoencoder}.get(form, make_checkpoint)
    checkpoint = make(tmp_path / "net.pth", **EXAMPLES[form][example])
    report = export_checkpoint(checkpoint, data=[event_file], encoder=form == "encoder")
    description = report.description
    assert description.kind == form
    # Batches of 0, 1, 3 and 64, bad readings of every kind, and all flags set and none.
    extremes = sum(len(GRAPH_INPUTS[name].extremes) for name in description.inputs)
    assert report.parity.n_events == 1 + 3 + 64 + 3 * (len(DAMAGES) + extremes)
    assert 0 < report.parity.worst.relative < 1e-4

    nothing = np.empty((0, N_SENSORS), np.float32)
    found = OnnxGraph(report.onnx)(*(nothing for _ in description.inputs))
    assert {name: values.shape for name, values in found.items()} == {
        output.name: (0, *output.axes) for output in description.outputs
    }
