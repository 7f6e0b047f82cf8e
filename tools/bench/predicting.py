"""ONNX Runtime against torch, and `xec predict` against the graph alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from tools.bench.case import Case, Result, case, compared
from tools.bench.events import folder
from tools.bench.measure import alternate, watch_memory
from tools.bench.networks import random_network, random_readings

from xec_data import TreeWriter
from xec_export.forms.regressor import describe_and_build
from xec_export.onnx.graph import DEFAULT_OPSET, write_onnx
from xec_export.prediction.files import predict_files
from xec_export.prediction.predictor import OnnxPredictor, TorchPredictor
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint

WIDTH = 256
BATCHES = (1, 4, 16, 64, 256)
EVENTS = 2048
ROUNDS = 5
READINGS = ("npho", "relative_time")


def model_files() -> tuple[Path, Path]:
    """One network as a checkpoint and as an ONNX file."""
    checkpoint = folder() / "network.pth"
    onnx = checkpoint.with_suffix(".onnx")
    if onnx.exists():
        return checkpoint, onnx
    network = random_network(WIDTH).eval()
    config = {
        "model": network.model_config.model_dump(mode="json"),
        "tasks": {name: task.model_dump() for name, task in network.task_configs.items()},
        "normalization": network.normalization.model_dump(),
        "data": {"npho_branch": READINGS[0], "time_branch": READINGS[1], "tree_name": "tree"},
    }
    save_checkpoint(checkpoint, new_checkpoint(network.kind, config, NetworkWeights(network.state_dict())))
    built, description = describe_and_build(read_checkpoint(checkpoint), checkpoint)
    write_onnx(built, replace(description, opset=DEFAULT_OPSET), onnx)
    return checkpoint, onnx


@contextmanager
def _events_file() -> Iterator[Path]:
    path = folder() / "events.root"
    readings = (values.numpy() for values in random_readings(EVENTS))
    numbers = {name: np.arange(EVENTS, dtype=np.int32) for name in ("run", "event")}
    with TreeWriter(path) as writer:
        writer.extend(dict(zip(READINGS, readings, strict=True)) | numbers)
    yield path
    path.unlink()


def _runtime(batch: int) -> Case:
    def measured() -> Result:
        checkpoint, onnx = model_files()
        npho, time = (values.numpy() for values in random_readings(batch))
        # As users get them: the predictors cut large batches by themselves.
        predictors = {
            "ONNX Runtime": OnnxPredictor(onnx),
            "torch": TorchPredictor(checkpoint, batch_size=batch),
        }

        def run(name: str) -> int:
            # Short runs are repeated, so that a tick of the clock is nothing.
            repeats = max(1, 32 // batch)
            for _ in range(repeats):
                predictors[name].predict(npho, time)
            return repeats * batch

        rates = alternate({name: partial(run, name) for name in predictors}, ROUNDS)
        return compared(
            f"ONNX Runtime, encoder_dim {WIDTH}, batch {batch}",
            rates,
            "ONNX Runtime",
            "torch",
            "torch, eager",
            target=1.0,
        )

    measured.__name__ = f"ONNX Runtime {batch}"
    return measured


for _batch in BATCHES:
    case("predict")(_runtime(_batch))


@case("predict")
def whole_command() -> Result:
    """From ROOT file to ROOT file, against the same graph on arrays in memory."""
    predictor = OnnxPredictor(model_files()[1])
    npho, time = (values.numpy() for values in random_readings(EVENTS))
    output = folder() / "predictions.root"

    def alone() -> int:
        predictor.predict(npho, time)
        return EVENTS

    with _events_file() as events:

        def files() -> int:
            predict_files(predictor, [events], output)
            return EVENTS

        with watch_memory() as memory:
            rates = alternate({"xec predict": files, "graph": alone}, ROUNDS - 2)
    return compared(
        f"xec predict, encoder_dim {WIDTH}",
        rates,
        "xec predict",
        "graph",
        "the graph on arrays in memory",
        peak_memory_mb=memory.peak_mb,
        target=0.9,
    )
