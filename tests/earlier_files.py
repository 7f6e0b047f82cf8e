"""Checkpoints of the earlier system xec-ml-wl whose outputs are stored, computed by that system's own code.

``NAME.json`` states the settings, and the name and shape of every parameter; ``NAME.npz`` holds inputs,
outputs and tables. Weights follow from name and shape by a formula; those of the oldest file are stored in
parts, without heads of inactive tasks.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

STORED = Path(__file__).parent / "models" / "earlier" / "stored"


def formula(name, shape):
    """Return the weights of a parameter, float32."""
    size = math.prod(shape)
    wave = np.sin(0.7 * np.arange(size) ** 1.1 + zlib.crc32(name.encode()) % 1000)
    if len(shape) > 1:
        values = wave * 1.2 / math.sqrt(size / shape[0])
    else:
        values = 1 + 0.2 * wave if name.endswith("weight") else 0.1 * wave
    return values.reshape(shape).astype(np.float32)


def stored_numbers(name):
    """Return inputs and outputs of a file by name, as tensors."""
    return {
        key: torch.from_numpy(values)
        for key, values in _arrays(name).items()
        if not key.startswith("table_") and "." not in key
    }


def earlier_content(name, **settings):
    """Return what the checkpoint holds; `settings` replace those of the file, None removes one."""
    description, arrays = json.loads((STORED / f"{name}.json").read_text()), _arrays(name)
    state = {}
    for key, entry in description["state"].items():
        stored = arrays.get(f"table_{key}", arrays.get(key)) if entry["stored"] else None
        values = formula(key, entry["shape"]) if stored is None else stored
        state[key] = torch.from_numpy(values).reshape(entry["shape"])
    config = {**description["config"], **settings}
    return {
        "epoch": 7,
        "model_state_dict": state,
        "ema_state_dict": None,
        "optimizer_state_dict": {},
        "config": {key: value for key, value in config.items() if key not in settings or value is not None},
    }


def _arrays(name):
    arrays = {}
    for path in sorted(STORED.glob(f"{name}.npz")) + sorted(STORED.glob(f"{name}_[0-9].npz")):
        with np.load(path) as file:
            arrays |= dict(file)
    return arrays
