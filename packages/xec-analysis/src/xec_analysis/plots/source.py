"""A run directory or file to plot, and its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_analysis.calibration.measurement import MeasuredLine, measure_lines
from xec_analysis.calibration.requests import LineRequest, pair_lines, parse_line_energy
from xec_analysis.calibration.settings import LineSettings, read_line_settings
from xec_analysis.errors import AnalysisError
from xec_analysis.events.worst_events import EventFiles, WorstEvents
from xec_analysis.events.worst_of_run import worst_events_of
from xec_analysis.reconstruction.events import Reconstruction, load_reconstruction, reconstruction_file
from xec_analysis.resolution.collecting import collect_results
from xec_analysis.resolution.conventional import (
    collect_comparison,
    conventional_beside_truth,
    lacks_truth,
)
from xec_analysis.resolution.loading import LoadedColumns, load_joined, locate_results, require_tasks
from xec_analysis.resolution.results import Results
from xec_analysis.resolution.variants import PLAIN, columns_of_variant, split_variants, variants_of
from xec_data.schema.branches import TREE_NAME
from xec_geometry import SensorTable, load_geometry
from xec_geometry.detector.geometry_file import NOMINAL
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from xec_analysis.metrics.binning import BinRequest
    from xec_analysis.metrics.content import Metrics
    from xec_analysis.saliency.measurement import Saliency
    from xec_models.regressor.regressor import XECRegressor

_REGRESSION = "regression"
_NETWORK = "network"


class Content(Enum):
    """Something in a run directory or file that can be plotted."""

    PREDICTIONS = "predictions of a regressor"
    COMPARISON = "predictions beside a conventional reconstruction, without truth"
    RECONSTRUCTION = "reconstructed readings"
    METRICS = "metrics of a training"
    EVENTS = "sensor readings of the validation"
    LINES = "photons of known energy"
    SALIENCY = "derivatives of a network's outputs"


@dataclass(frozen=True)
class LineQuestion:
    """Lines to measure in files of predictions.

    Attributes
    ----------
    requests
        Energies and files; at least one.
    settings
        How they are measured.
    """

    requests: tuple[LineRequest, ...]
    settings: LineSettings


def question_of_lines(
    energies: Sequence[str], files: Sequence[Path], settings: Path | None = None
) -> LineQuestion:
    """Read a question from the command line.

    Parameters
    ----------
    energies
        Energies of lines as `parse_line_energy` takes them.
    files
        Files as `pair_lines` takes them.
    settings
        YAML file; by default the defaults of `LineSettings`.

    Raises
    ------
    AnalysisError
        If one of them is not as it has to be.
    """
    requests = pair_lines([parse_line_energy(text) for text in energies], files)
    return LineQuestion(tuple(requests), LineSettings() if settings is None else read_line_settings(settings))


class PlotSource:
    """A run directory or file. Everything in it is read once, when it is first needed.

    Parameters
    ----------
    path
        A run directory, the name of a run in `artifacts/`, or a file of predictions or reconstructed
        readings; several files of predictions are taken as one.
    tasks
        Tasks to plot; by default all with predictions and truth.
    tree_name
        Name of the tree in a ROOT file.
    lines
        Lines to measure; then nothing else is plotted.
    saliency
        Number of events over which the saliency of a regressor is measured; 0: it is not.

    Raises
    ------
    AnalysisError
        If there is no such run or file, tasks are named for reconstructed readings or lines, or the saliency
        is asked of something else than a regressor with its events.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        tasks: Sequence[str] | None = None,
        *,
        tree_name: str = TREE_NAME,
        lines: LineQuestion | None = None,
        saliency: int = 0,
        bins: Sequence[BinRequest] = (),
    ) -> None:
        self.paths = [locate_results(one) for one in ([path] if isinstance(path, str | Path) else path)]
        self.path = self.paths[0]
        self.tasks = tasks or None
        self.tree_name = tree_name
        self.lines = lines
        self.n_saliency = saliency
        self.bins = tuple(bins)
        self.run = RunDirectory.open(self.path) if self.path.is_dir() else None
        if tasks and lines is not None:
            raise AnalysisError(
                f"--task {tasks[0]}: lines are measured in energies alone; expected no --task"
            )
        require_tasks(tasks or ())
        self.reconstruction_path = None if lines else reconstruction_file(self.path, tree_name)
        if len(self.paths) > 1 and lines is None:
            self._require_files()
        if tasks and self.reconstruction_path is not None:
            raise AnalysisError(
                f"--task {tasks[0]}: {self.reconstruction_path} holds reconstructed readings, no tasks"
            )
        if saliency:
            self._require_network_and_events()

    @cached_property
    def contents(self) -> frozenset[Content]:
        """Everything that can be plotted.

        Without reconstructed readings a file is taken for predictions, and so is the run of a regressor:
        an error says later what is missing in it.
        """
        if self.lines is not None:
            return frozenset({Content.LINES})
        found = set()
        if self.reconstruction_path is not None:
            found.add(Content.RECONSTRUCTION)
        elif self.run is None or self.objective == _REGRESSION:
            found.add(Content.COMPARISON if self._lacks_truth else Content.PREDICTIONS)
        if self.run is not None and self.run.metrics.is_file():
            found.add(Content.METRICS)
        if self.validation_files is not None:
            found.add(Content.EVENTS)
        if self.n_saliency:
            found.add(Content.SALIENCY)
        return frozenset(found)

    @property
    def default_folder(self) -> Path:
        """Folder `plots` of the run, or beside the file."""
        return self.run.plots if self.run is not None else self.path.parent / "plots"

    @property
    def objective(self) -> str:
        """Objective of the run's training."""
        return str(self.configuration.get("objective", _REGRESSION))

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The run's `config.yaml`; empty for a file."""
        return self.run.read_config() if self.run is not None else {}

    @cached_property
    def validation_files(self) -> EventFiles | None:
        """Files with the sensor readings of the validation, if the configuration names them."""
        data = self.configuration.get("data") or {}
        if not isinstance(data, dict):
            raise AnalysisError(f"{self.path}: 'data' of its configuration is {data!r}; expected a section")
        return EventFiles.of_validation(data)

    @cached_property
    def geometry(self) -> SensorTable:
        """Where the sensors of the run stand, which its checkpoint tells; nominal without one.

        Raises
        ------
        CheckpointError
            If the checkpoint cannot be read.
        """
        stated = self.configuration.get("geometry") or NOMINAL
        if self.run is None or stated == NOMINAL or not self.run.checkpoint_best.is_file():
            return load_geometry()
        from xec_models.checkpoint.reading import read_checkpoint

        return read_checkpoint(self.run.checkpoint_best).geometry

    @cached_property
    def loaded(self) -> LoadedColumns:
        """All columns of the run or files; raises as `load_joined`."""
        return load_joined(self.paths, self.tree_name)

    @cached_property
    def results(self) -> list[Results]:
        """Predictions beside the truth, or without one beside the conventional reconstruction.

        One for each way in which the events were predicted, `variants_of`; raises as `collect_results` and
        `collect_comparison`.
        """
        loaded = self.loaded
        collect = collect_comparison if self._lacks_truth else collect_results
        return [
            collect(columns, name, loaded.source, self.tasks)
            for name, columns in split_variants(loaded.columns, loaded.name)
        ]

    @property
    def network_estimates(self) -> dict[str, Results]:
        """The results by the name of the estimate: of the network, or of each of its variants."""
        variants = variants_of(self.loaded.columns) or [PLAIN]
        return {
            f"{_NETWORK}_{variant}" if variant else _NETWORK: results
            for variant, results in zip(variants, self.results, strict=True)
        }

    @cached_property
    def metrics(self) -> Metrics:
        """Figures of merit of all estimates in the run or files; raises as `measure`."""
        from xec_analysis.metrics.measurement import measure

        estimates = self.network_estimates
        columns = self.loaded.columns
        if not self._lacks_truth:
            conventional = conventional_beside_truth(columns, self.results[0])
            if conventional is not None:
                estimates["conventional"] = conventional
        return measure(estimates, self.loaded.name, columns, self.bins)

    @cached_property
    def _lacks_truth(self) -> bool:
        variants = variants_of(self.loaded.columns)
        return bool(variants) and lacks_truth(columns_of_variant(self.loaded.columns, variants[0]))

    def _require_network_and_events(self) -> None:
        if self.n_saliency < 0:
            raise AnalysisError(f"--saliency {self.n_saliency}: expected a number of events")
        lacking = None
        if self.run is None or self.lines is not None or self.objective != _REGRESSION:
            lacking = "it is that of the network in the run of a regressor"
        elif self.validation_files is None:
            lacking = "its configuration names no validation files (data.val_path)"
        elif not self.run.checkpoint_best.is_file():
            lacking = f"there is no {self.run.checkpoint_best.name}"
        if lacking:
            raise AnalysisError(f"{self.path}: no saliency: {lacking}")

    @cached_property
    def network(self) -> XECRegressor:
        """The best network of the run, on a GPU if there is one; raises as `load_model`."""
        import torch

        from xec_models.checkpoint.building import load_model
        from xec_models.regressor.regressor import XECRegressor

        assert self.run is not None
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return load_model(self.run.checkpoint_best, device, kind=XECRegressor)

    @cached_property
    def worst_events(self) -> WorstEvents:
        """The validation events with the largest losses; see `worst_events_of`."""
        assert self.run is not None
        assert self.validation_files is not None
        return worst_events_of(
            self.run, self.results[0], self.loaded.columns, self.validation_files, lambda: self.network
        )

    @cached_property
    def saliency(self) -> Saliency:
        """The saliency of the validation events; raises as `measure_saliency`."""
        from xec_analysis.saliency.measurement import measure_saliency
        from xec_export.commands.progress import events_progress

        assert self.validation_files is not None
        with events_progress("saliency") as progress:
            return measure_saliency(self.network, self.validation_files, self.n_saliency, progress.update)

    def _require_files(self) -> None:
        other = next((path for path in self.paths if path.is_dir()), self.reconstruction_path)
        if other is not None:
            raise AnalysisError(
                f"{len(self.paths)} runs or files, among them {other}; expected one, or several files of "
                "predictions"
            )

    @cached_property
    def reconstruction(self) -> Reconstruction:
        """Reconstructed readings; raises as `load_reconstruction`."""
        assert self.reconstruction_path is not None
        name = self.run.name if self.run is not None else self.path.stem
        return load_reconstruction(self.reconstruction_path, name, tree_name=self.tree_name)

    @cached_property
    def measured_lines(self) -> list[MeasuredLine]:
        """The lines, fitted; raises as `measure_lines`."""
        assert self.lines is not None
        return measure_lines(self.lines.requests, self.lines.settings, tree_name=self.tree_name)
