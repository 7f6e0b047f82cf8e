"""The run directory of a job that SLURM starts again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.names import choose_run


def test_a_start_that_wrote_no_checkpoint_may_be_repeated(
    configure: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure("mlflow.run_name=night", "checkpoint.resume_from=weights.pth")
    run = Path("artifacts/night")
    run.mkdir(parents=True)
    with pytest.raises(TrainError, match="exists already"):
        choose_run(config, None)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "0")
    with pytest.raises(TrainError, match="exists already"):
        choose_run(config, None)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert choose_run(config, None).path == run
    (run / "checkpoint_last.pth").touch()
    with pytest.raises(TrainError, match="exists already"):
        choose_run(config, None)
