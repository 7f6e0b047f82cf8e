"""Run directories of trainings that never took place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from xec_models.checkpoint.run_directory import RunDirectory

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def make_run(tmp_path: Path, write_tree: Callable[..., Path]) -> MakeRun:
    """Write a run: ``make_run(name, metrics, config, columns)``, with values of each epoch by metric."""

    def make(
        name: str,
        metrics: Mapping[str, Sequence[float]],
        config: Mapping[str, Any] | None = None,
        columns: Mapping[str, Any] | None = None,
        *,
        first: int = 1,
        validation: str = "aa",
    ) -> RunDirectory:
        run = RunDirectory(tmp_path / "artifacts" / name)
        run.path.mkdir(parents=True)
        run.config.write_text(yaml.safe_dump({"mlflow": {"run_name": name}, **(config or {})}))
        lines = [
            f"{epoch},{epoch},{metric},{value},2026-01-01T00:00:00"
            for metric, values in metrics.items()
            for epoch, value in enumerate(values, start=first)
        ]
        run.metrics.write_text("\n".join(["epoch,step,metric,value,timestamp", *lines, ""]))
        run.data_files.write_text(
            "use,path,tree,entries,kept,bytes,digest\n"
            "training,/t.root,tree,9,9,9,tt\n"
            f"validation,/v.root,tree,5,4,9,{validation}\n"
        )
        if columns is not None:
            write_tree(run.validation_results, columns)
        return run

    return make
