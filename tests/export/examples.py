"""Networks of every form that can be exported, each small and with something of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS


class Example(NamedTuple):
    """A network, by the kind of its checkpoint and what the writer of this kind takes."""

    kind: str
    options: dict[str, Any]


POOLED: dict[str, Any] = {"outer_fine_pool": (3, 3)}

EARLIER: dict[str, Any] = {"layout": "xec-ml-wl", **POOLED}

OF_HEADS: dict[str, dict[str, Any]] = {
    "cross_attention": {"predict_channels": ["npho"], "stem": "patch"},
    "per_face": {"layout": "xec-ml-wl", "outer_mode": "split"},
}
"""Of heads that have more than `EARLIER` to show."""

AUTOENCODER = Example("mae", {**POOLED, "stem": "patch"})

EXAMPLES: dict[str, dict[str, Example]] = {
    "regressor": {
        "pooled": Example(
            "regressor",
            {
                "model": {**POOLED, "encoder_dim": 64, "num_fusion_layers": 0},
                "tasks": {"energy": {}},
                "normalization": {"npho_scheme": "anscombe"},
            },
        ),
        "earlier layout, attention": Example(
            "regressor",
            {
                "model": {**EARLIER, "hex_conv": "attention", "position": "geometric"},
                "tasks": {"angle": {"loss_fn": "cosine"}},
                "normalization": {"npho_scheme": "sqrt"},
            },
        ),
        "anchored": Example(
            "regressor",
            {
                "model": {
                    **POOLED,
                    "anchor": "light",
                    "window": (8, 8),
                    "num_fusion_layers": 1,
                    "stem": "patch",
                    "inner_pool": (3, 4),
                },
                "tasks": {"energy": {"loss_fn": "gaussian_nll"}, "timing": {}, "uvwFI": {}},
            },
        ),
    },
    "inpainter": {
        head: Example("inpainter", {"head": head, **OF_HEADS.get(head, EARLIER)}) for head in INPAINTER_HEADS
    },
    "mae": {"pooled": AUTOENCODER},
    "encoder": {
        "of a regressor": Example("regressor", {"model": {**POOLED, "encoder_dim": 128}}),
        "of an autoencoder": AUTOENCODER,
    },
}
"""By form."""
