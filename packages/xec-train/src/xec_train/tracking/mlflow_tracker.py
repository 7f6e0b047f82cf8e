"""MLflow during a training, in a background thread, so that the training never waits for the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xec_train.config.sections import MlflowConfig
from xec_train.tracking.background import LIMIT, Background, Job
from xec_train.tracking.data_files import DataFile
from xec_train.tracking.mlflow_run import MlflowRun, Point, import_mlflow, is_transient, reason_of
from xec_train.tracking.run_ids import tracking_uri, viewing_hint, without_password


class MlflowTracker:
    """A run on an MLflow server. However many calls fail, there is one warning.

    Parameters
    ----------
    config
        ``experiment``, ``tracking_uri`` and ``wait_at_end``.
    run
        The run directory; its name is the run's.
    run_id
        A run to continue, if the server still has it.
    warn
        Called with the warning, from any thread.
    on_run
        Called with the id of the run when it is open, from the background thread.
    tags
        Tags of the run; those without a value are left out.
    limit
        Calls that can wait in the queue; later ones are lost until 'xec track upload'.
    """

    def __init__(
        self,
        config: MlflowConfig,
        run: Path,
        run_id: str | None,
        warn: Callable[[str], None],
        *,
        on_run: Callable[[str], None] = lambda _: None,
        tags: Mapping[str, str | None] | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.uri = tracking_uri(config)
        self.directory = run
        self.complete = True
        self._run = MlflowRun(self.uri, config.experiment, run.resolve().name, run_id)
        self._expected_run, self._timeout = run_id, config.wait_at_end
        self._warn, self._on_run, self._tags = warn, on_run, dict(tags or {})
        self._warned = False
        self._limit = limit
        self._background: Background | None = None

    def start(self, parameters: Mapping[str, Any], data: Sequence[DataFile] = ()) -> None:
        """Create the experiment and the run, or continue one; with its parameters and inputs."""
        try:
            import_mlflow()
        except Exception as error:
            self.complete = False
            self._handle_error(error)
            return
        self._background = Background(is_transient, self._handle_error, limit=self._limit)
        values, files = dict(parameters), list(data)

        def open_run() -> None:
            self._run.open(values, self._tags)
            assert self._run.run_id is not None
            if self._expected_run not in (None, self._run.run_id):
                self._warn(
                    f"MLflow at {without_password(self.uri)} does not have the run {self._expected_run}: "
                    "a new one is started"
                )
            self._on_run(self._run.run_id)

        self._submit(open_run)
        if files:
            self._submit(lambda: self._run.add_data(files))

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Log numbers against the step; the epoch is a metric among them."""
        now = int(time.time() * 1000)
        points = [Point(name, float(value), step, now) for name, value in metrics.items()]
        points.append(Point("epoch", float(epoch), step, now))
        self._submit(lambda: self._run.log(points))

    def add_files(self, paths: Sequence[Path]) -> None:
        """Log files as artifacts; those of a folder `plots` go into a folder of that name."""
        files = list(paths)
        self._submit(lambda: self._run.add_files(files))

    def finish(self, status: str) -> None:
        """Set the state of the run, and wait for the queue, at most `wait_at_end`."""
        if self._background is not None:
            self._background.submit(lambda: self._run.finish(status))
            self.complete = self._background.close(self._timeout)

    def next_step(self) -> str:
        """Return the next command after a training: to view the runs, or to send what is missing."""
        if not self.complete:
            return f"xec track upload {self.directory}     sends what MLflow lacks"
        return f"{viewing_hint(self.uri)}     all runs in a browser"

    @property
    def waiting(self) -> int:
        """Calls that have not been sent yet."""
        return 0 if self._background is None else self._background.waiting

    def _submit(self, job: Job) -> None:
        if self._background is not None:
            self._background.submit(job)

    def _handle_error(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"MLflow at {without_password(self.uri)} does not accept the run: {reason_of(error)}; "
                f"the training continues without it; 'xec track upload {self.directory}' sends the rest "
                "later"
            )
