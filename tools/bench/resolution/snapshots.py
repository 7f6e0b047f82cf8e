"""A training that keeps its network at several times, in a program of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.studies.steps import StepError
from xec_geometry.errors import XecError
from xec_geometry.support.output import make_folder
from xec_geometry.support.parent import run_child

if TYPE_CHECKING:
    from xec_train.engine.train_loop import TrainLoop

_ROOT = Path(__file__).parents[3]
_FIRST = 1 / 120
"""Of the time of a training: when the first snapshot is taken."""


def moments(minutes: float, points: int) -> list[float]:
    """Return the seconds of the snapshots within a training; the last of the points is its end."""
    last = 60 * minutes
    return [float(moment) for moment in np.geomspace(_FIRST * last, last, points)[:-1]]


class Snapshots:
    """Hook of a training that writes its network into a folder at given times.

    Parameters
    ----------
    folder
        An existing folder.
    moments
        Seconds of training, ascending. Those that pass within one step give one snapshot.
    """

    def __init__(self, folder: Path, moments: Sequence[float]) -> None:
        self._folder, self._left = folder, list(moments)

    def __call__(self, loop: TrainLoop) -> bool:
        """Write a snapshot if it is time; the training goes on."""
        used = loop.time_limit.used
        if not self._left or used < self._left[0] or loop.writer is None:
            return False
        self._left = [moment for moment in self._left if moment > used]
        with loop.time_limit.paused():
            loop.complete_pending()
            loop.writer.save_weights(loop.state, self._folder / snapshot_name(used))
        return False


def snapshot_name(seconds: float) -> str:
    """Return the name of the file with the network after so many seconds."""
    return f"{seconds:.2f}.pth"


def read_snapshots(folder: Path) -> dict[float, Path]:
    """Return seconds of training → file, in the order of the time."""
    return dict(sorted((float(path.stem), path) for path in folder.glob("*.pth")))


def train_with_snapshots(
    words: Sequence[str], snapshots: str, at: Sequence[float], folder: Path, *, plain: bool = False
) -> None:
    """Train as `xec train` does with the same words, and keep the network at some times.

    Parameters
    ----------
    words
        Configuration and changes to it.
    snapshots
        Folder for the networks, relative to `folder`.
    at
        Seconds of training.
    folder
        Where the training runs.
    plain
        Whether the network is computed in the plain form.

    Raises
    ------
    StepError
        If the training fails, or is interrupted.
    """
    make_folder(folder / snapshots)
    program = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from {__name__} import main; main()"
    code = run_child(program, (json.dumps([snapshots, list(at), plain]), *words), folder)
    if code != 0:
        raise StepError(f"the training with {words[0]} ended with exit code {code}", code)


def main() -> None:
    """Train; the first argument says where and when to keep snapshots, the others are of `xec train`."""
    from xec_geometry.cli.exit_codes import INTERRUPTED, USER_ERROR
    from xec_train.config.loading import load_command_line
    from xec_train.runs.training import LargerWork, run_training

    snapshots, at, plain = json.loads(sys.argv[1])
    try:
        loaded = load_command_line(sys.argv[2:])
        if plain:
            _use_plain_form()
        larger = LargerWork(after_step=Snapshots(Path(snapshots), at))
        finished = run_training(loaded.config, loaded.notes, larger=larger).finished
    except XecError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    sys.exit(0 if finished else INTERRUPTED)


def _use_plain_form() -> None:
    from tools.bench.plain_form import plain_copy

    from xec_models.regressor.regressor import XECRegressor
    from xec_train.regression.objective import Regression

    build: Callable[[Regression], XECRegressor] = Regression.build_network
    Regression.build_network = lambda objective: plain_copy(build(objective))  # type: ignore[method-assign]
