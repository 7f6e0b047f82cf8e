"""The table of presets: values of a new configuration that go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xec_data.tasks.table import TASKS
from xec_geometry.support.registry import Registry
from xec_models.losses.table import losses_for
from xec_train.errors import ConfigError


@dataclass(frozen=True)
class Preset:
    """Changes to the defaults of a new configuration.

    Attributes
    ----------
    name
        Its name on the command line.
    summary
        One line for people.
    changes
        Key, such as ``training.lr``, to value. Keys that another objective has are left out.
    """

    name: str
    summary: str
    changes: Mapping[str, Any]


# The losses of the measured quantities: likelihoods with a σ, which tails hardly affect.
_LIKELIHOODS = {
    f"tasks.{name}.loss_fn": "student_t" for name, task in TASKS.items() if "student_t" in losses_for(task)
}

CONFIG_PRESETS: Registry[Preset] = Registry(
    "preset",
    (
        Preset(
            "laptop",
            "a small network that learns in minutes on the cores of a laptop",
            {
                "data.batch_size": 256,
                "normalization.npho_scheme": "sqrt",
                "model.encoder_dim": 64,
                "model.dim_feedforward": 128,
                "model.dropout": 0.0,
                "model.outer_fine_pool": [9, 12],
                "model.inner_pool": [31, 11],
                "model.side_pool": [4, 2],
                "model.hex_width": 8,
                "model.hex_depth": 1,
                **_LIKELIHOODS,
                "training.optimizer": "muon",
                "training.lr": 3e-3,
                "training.weight_decay": 1e-2,
                "training.scheduler": "onecycle",
                "training.pct_start": 0.1,
                "training.ema_decay": 0.99,
                "training.mirror": True,
                "training.channel_dropout_rate": 0.02,
            },
        ),
        Preset(
            "gpu",
            "a network of medium width for one GPU",
            {
                "data.batch_size": 256,
                "normalization.npho_scheme": "sqrt",
                "model.encoder_dim": 256,
                "model.dropout": 0.0,
                "model.outer_fine_pool": [3, 3],
                "model.inner_pool": [3, 4],
                **_LIKELIHOODS,
                "training.optimizer": "muon",
                "training.lr": 2e-3,
                "training.weight_decay": 1e-2,
                "training.scheduler": "onecycle",
                "training.mirror": True,
                "training.channel_dropout_rate": 0.02,
                "training.ema_decay": 0.999,
            },
        ),
        Preset(
            "reference",
            "the documented network at full width, without an anchor",
            {
                "model.anchor": "none",
                "model.window": None,
                "training.ema_warmup": False,
            },
        ),
    ),
    group="xec.presets",
    error=ConfigError,
)
"""Every preset by its name. Installed packages add theirs in the entry-point group ``xec.presets``."""
