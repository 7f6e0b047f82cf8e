"""Checkpoints: other bytes, other records of the zip file, other contents."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import ODD_VALUES, mutated_bytes, mutated_values

from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import (
    Checkpoint,
    NetworkWeights,
    ProcessState,
    RandomState,
    SamplerState,
    TrainingState,
)
from xec_models.checkpoint.plain import load_plain
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint, to_plain
from xec_models.regressor.regressor import XECRegressor

_FILE = "checkpoint.pth"
_CONFIG: dict[str, Any] = {
    "model": {"encoder_dim": 64, "dim_feedforward": 32, "hidden_dim": 8, "num_fusion_layers": 1,
              "outer_fine_pool": [3, 3], "anchor": "none", "window": None},
    "tasks": {"energy": {"enabled": True, "loss_fn": "gaussian_nll"}, "angle": {"enabled": False}},
    "normalization": {"npho_scheme": "log1p"},
    "data": {"npho_branch": "npho", "val_path": ["val.root"]},
}  # fmt: skip
_ODD = (
    *ODD_VALUES,
    *(torch.zeros(1), torch.zeros(0), torch.tensor(3), torch.zeros(2, 3, dtype=torch.int64)),
    *(torch.full((1,), torch.nan), torch.zeros(3, dtype=torch.complex64), torch.zeros(2).to_sparse(), (1, 2)),
)
# Content, or bytes as they are: unchanged content is what was written.
_SAME = "same"


class CheckpointTarget:
    """`read_checkpoint` and `build_model`."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        network = XECRegressor.from_config(_CONFIG)
        self._state = network.state_dict()
        few = dict(list(self._state.items())[:3])
        path = folder / _FILE
        save_checkpoint(path, _described(few))
        self._seed = path.read_bytes()
        self._content = to_plain(_described(few))

    def examples(self) -> SearchStrategy[Example]:
        """Return changed files; the network's parameters are put in when they are read."""
        return st.one_of(
            mutated_bytes(self._seed).map(lambda content: Example({_FILE: content}, (_SAME,))),
            _mutated_records(self._seed).map(lambda content: Example({_FILE: content})),
            mutated_values(self._content, _ODD).map(lambda content: Example({_FILE: _saved(content)})),
        )

    def read(self, folder: Path, example: Example) -> None:
        """Read, and build the network if its configuration is still one; compare what must not change."""
        path = folder / _FILE
        checkpoint = read_checkpoint(path)
        if example.words == (_SAME,):
            require(_equal(load_plain(path), self._content), "another content was read")
        _use(checkpoint)
        build_model(_with_parameters(checkpoint, self._state), source=str(path))


def _described(state: dict[str, torch.Tensor]) -> Checkpoint:
    own = ProcessState(RandomState(torch.get_rng_state()), {"loss": torch.tensor(1.0)}, 5)
    training = TrainingState(
        optimizer={"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1e-3}]},
        scheduler={"last_epoch": 1},
        scaler={},
        sampler=SamplerState(2, {"n_batches": 9, "seed": 1}),
        own=own,
        step=4,
        best_value=0.25,
        processes=(own, own),
    )
    weights = NetworkWeights(state, state, {"energy": [1.5]})
    return new_checkpoint(
        "regressor", _CONFIG, weights, epoch=3, training=training, inputs={"npho": (1.0, 2.0)}
    )


def _with_parameters(checkpoint: Checkpoint, state: dict[str, torch.Tensor]) -> Checkpoint:
    """Complete the parameters that are as they were written."""
    from dataclasses import replace

    weights = checkpoint.weights

    def completed(some: Any) -> dict[str, torch.Tensor]:
        return {**state, **dict(some)}

    averaged = None if weights.averaged is None else completed(weights.averaged)
    return replace(checkpoint, weights=replace(weights, model=completed(weights.model), averaged=averaged))


def _use(checkpoint: Checkpoint) -> None:
    """Use all that those above read of a checkpoint."""
    _ = checkpoint.config.layout, checkpoint.config.files, checkpoint.provenance.writer
    if checkpoint.training is not None:
        checkpoint.continuation().of_process(1, 2)


def _saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@st.composite
def _mutated_records(draw: DrawFn, seed: bytes) -> bytes:
    """Change records of a zip file, whose checksums are then right."""
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        records = [(record.filename, archive.read(record)) for record in archive.infolist()]
    for _ in range(draw(st.integers(1, 3))):
        i, j = (draw(st.integers(0, len(records) - 1)) for _ in range(2))
        name, content = records[i]
        match draw(st.integers(0, 5)):
            case 0:
                del records[i]
            case 1:
                records[i] = name, records[j][1]
            case 2:
                records.append((draw(st.sampled_from(("archive/x", "../x", "/x", name))), content))
            case _ if content:
                records[i] = name, draw(mutated_bytes(content))
        if not records:
            break
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records:
            if name not in archive.namelist():
                archive.writestr(name, content)
    return buffer.getvalue()


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_equal(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
