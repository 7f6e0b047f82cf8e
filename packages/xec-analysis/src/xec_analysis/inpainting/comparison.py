"""The comparison of an inpainter with estimators that need no network, from files to tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting import energy_effect as effects, network as networks
from xec_analysis.inpainting.data_sets import DataSet, by_data_set, joined
from xec_analysis.inpainting.energy_effect import EnergyEffect, Floats
from xec_analysis.inpainting.hidden_readings import (
    REALLY_DEAD,
    Collector,
    HiddenReadings,
    Reconstruct,
    fill_in_events,
)
from xec_analysis.inpainting.hidden_sensors import choose_validation
from xec_analysis.inpainting.numbers import (
    ALL,
    by_face,
    by_npho,
    numbers_tables,
    verdicts,
    write_numbers,
    write_residuals,
)
from xec_analysis.inpainting.pages import draw_comparison
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME
from xec_geometry import SensorTable, geometry_hash, load_geometry
from xec_geometry.detector.geometry_file import NOMINAL, geometry_files
from xec_geometry.detector.survey import nominal_table
from xec_geometry.support.output import check_output
from xec_geometry.support.text import distinct_names
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.dead_channels.estimators import ESTIMATORS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_MOST_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """Input and output of a comparison.

    Attributes
    ----------
    files
        Files of events; each is a data set.
    models
        Name → checkpoint of an inpainter; without any, the estimators are compared alone.
    dead
        Source of dead channels, as for `open_dead_channels`.
    validation, fraction, seed
        As for `choose_validation`.
    max_events
        Number of events to read of each file, from the beginning.
    regressor
        Checkpoint or ONNX file of an energy regressor, for the effect on the energy.
    output
        The PDF; the numbers go into a CSV file beside it.
    residuals
        ROOT file for every hidden sensor.
    tree_name, npho_branch, time_branch
        Names in the files.
    geometry
        Where the sensors stand, as for `xec_geometry.load_geometry`; by default as the network was trained,
        and nominal without one.
    force
        Whether existing outputs may be replaced; inputs never.
    """

    files: Sequence[Path]
    models: Mapping[str, Path] = field(default_factory=dict)
    dead: str | None = None
    validation: str = "auto"
    fraction: float = 0.05
    seed: int = 0
    max_events: int = 2000
    regressor: Path | None = None
    output: Path = Path("compare_inpainting.pdf")
    residuals: Path | None = None
    tree_name: str = TREE_NAME
    npho_branch: str = NPHO_BRANCH
    time_branch: str = TIME_BRANCH
    geometry: str | None = None
    force: bool = True

    def check(self) -> None:
        """Check everything that can be checked before any event is read.

        Raises
        ------
        AnalysisError, OutputError
            If an option makes no sense, or a file cannot be written.
        """
        if not self.files:
            raise AnalysisError("no files of events; expected FILE…, with checkpoints or without")
        for path in self.files:
            if [other.resolve() for other in self.files].count(path.resolve()) > 1:
                raise AnalysisError(f"{path} is given twice; expected different files of events")
        if self.max_events < 1:
            raise AnalysisError(f"--events {self.max_events}: expected at least 1")
        if self.output.suffix != ".pdf":
            raise AnalysisError(f"cannot draw {self.output}: expected the name of a .pdf file")
        inputs = [*self.files, *self.models.values(), *([self.regressor] if self.regressor else [])]
        inputs += geometry_files(self.geometry or NOMINAL)
        for path in (self.output, self.numbers_path, *([self.residuals] if self.residuals else [])):
            check_output(path, inputs=inputs, force=self.force)

    @property
    def numbers_path(self) -> Path:
        """The CSV file."""
        return self.output.with_suffix(".csv")


@dataclass(frozen=True)
class InpaintingComparison:
    """Hidden sensors with the estimates of all methods.

    Attributes
    ----------
    title
        Which sensors were hidden.
    readings
        The hidden sensors.
    effect
        The effect on the energy, if a regressor was given.
    geometry
        Where the sensors stand.
    data_sets
        File by file, if there are several; the others are joined.
    """

    title: str
    readings: HiddenReadings
    effect: EnergyEffect | None
    geometry: SensorTable = field(default_factory=nominal_table)
    data_sets: tuple[DataSet, ...] = ()

    @property
    def shows_parts(self) -> bool:
        """Whether the data sets are few enough for tables and pages of each."""
        return 1 < len(self.data_sets) <= _MOST_SHOWN

    @property
    def parts(self) -> dict[str, HiddenReadings]:
        """Name of each of several data sets to its hidden sensors."""
        return {part.name: part.readings for part in self.data_sets}

    @property
    def size(self) -> str:
        """Numbers of events and sensors, for headers."""
        files = f"{len(self.data_sets)} data sets, " if self.data_sets else ""
        return files + _size(self.readings)

    def report(self) -> Iterator[RenderableType]:
        """Yield tables and lines for a rich console; of several data sets each, then all joined."""
        from rich.markup import escape

        for part in self.data_sets if self.shows_parts else ():
            yield f"[bold]{escape(part.name)}[/]: {_size(part.readings)}"
            yield from _with_headings(numbers_tables(by_face(part.readings)))
            if part.effect is not None:
                yield _effect_table(part.effect)
        faces = by_face(self.readings)
        dead = int((self.readings.mask_type == REALLY_DEAD).sum())
        invalid = self.readings.n_invalid
        yield (
            f"{self.title}\n{self.size}\n"
            f"used by no method: {invalid} readings that are invalid in their event, "
            f"{dead - invalid} valid ones of sensors known as bad"
        )
        if self.data_sets:
            yield from _with_headings(
                numbers_tables(by_data_set({**self.parts, ALL: self.readings}), "data set")
            )
        yield from _with_headings([*numbers_tables(faces), *numbers_tables(by_npho(self.readings), "npho")])
        yield from verdicts(faces)
        if self.effect is not None:
            yield _effect_table(self.effect)
        if len(self.data_sets) > _MOST_SHOWN:
            yield (
                f"note: tables and pages of each data set are for up to {_MOST_SHOWN} files; the CSV file "
                f"has the numbers of all {len(self.data_sets)}"
            )


def _size(readings: HiddenReadings) -> str:
    return f"{readings.n_events} events, {int(readings.comparable.sum())} hidden sensors"


def _with_headings(tables: Sequence[tuple[str, Table]]) -> Iterator[RenderableType]:
    for heading, table in tables:
        yield f"[italic]{heading}[/]"
        yield table


def _effect_table(effect: EnergyEffect) -> Table:
    return effects.effect_table(effect, f"energy / {effect.reference} − 1, {effect.n_events} events")


def compare_inpainting(
    options: ComparisonOptions, progress: Callable[[int, int], None] | None = None
) -> InpaintingComparison:
    """Hide sensors whose reading is known, and let the network and all estimators fill them in.

    Parameters
    ----------
    options
        Input and output.
    progress
        Takes the number of events done and of all.

    Raises
    ------
    AnalysisError, OutputError
        As `ComparisonOptions.check` and `choose_validation`, or if nothing can be compared.
    DataError, CheckpointError, ExportError
        If a file cannot be read.
    """
    options.check()
    chosen = choose_validation(
        options.validation,
        options.files,
        options.dead,
        fraction=options.fraction,
        seed=options.seed,
        tree_name=options.tree_name,
    )
    opened = {name: networks.open_reconstruction(path) for name, path in options.models.items()}
    regressor = effects.open_regressor(options.regressor) if options.regressor is not None else None
    table = _geometry(options, opened)
    estimators = {name: estimator.in_geometry(table) for name, estimator in ESTIMATORS.items()}
    data_sets: list[DataSet] = []
    energies: list[dict[str, Floats]] = []
    truths: list[NDArray[Any] | None] = []
    done = 0
    for path, name in zip(options.files, distinct_names(options.files), strict=True):
        collector, begin = Collector(), len(energies)
        for chunk in fill_in_events(
            path,
            # As new: the same sensors are hidden in a file wherever it stands.
            replace(chosen),
            estimators,
            opened,
            max_events=options.max_events,
            tree_name=options.tree_name,
            npho_branch=options.npho_branch,
            time_branch=options.time_branch,
            trained_on=_times_trained_on(opened),
        ):
            collector.add(chunk)
            if regressor is not None:
                energies.append(effects.predict_energies(regressor, chunk, table))
                truths.append(chunk.truth.get("energyTruth"))
            if progress is not None:
                progress(done + collector.n_events, len(options.files) * options.max_events)
        done += collector.n_events
        effect = effects.energy_effect(energies[begin:], truths[begin:]) if energies[begin:] else None
        data_sets.append(DataSet(name, collector.readings(), effect))
    if len(data_sets) == 1:
        return InpaintingComparison(chosen.title, data_sets[0].readings, data_sets[0].effect, table)
    readings = joined([part.readings for part in data_sets])
    effect = effects.energy_effect(energies, truths) if energies else None
    return InpaintingComparison(chosen.title, readings, effect, table, tuple(data_sets))


def _times_trained_on(opened: Mapping[str, Reconstruct]) -> str:
    trained = {
        network.time_branch: name
        for name, network in opened.items()
        if isinstance(network, networks.ReconstructingNetwork)
    }
    if len(trained) > 1:
        said = " and ".join(f"{name} on '{branch}'" for branch, name in trained.items())
        raise AnalysisError(f"trained on different times: {said}; expected networks of the same")
    return next(iter(trained), TIME_BRANCH)


def _geometry(options: ComparisonOptions, opened: Mapping[str, Reconstruct]) -> SensorTable:
    trained = {
        options.models[name]: network.geometry
        for name, network in opened.items()
        if isinstance(network, networks.ReconstructingNetwork)
    }
    if options.geometry is not None:
        given, said = load_geometry(options.geometry), options.geometry
    elif trained:
        first, given = next(iter(trained.items()))
        said = str(first)
    else:
        return nominal_table()
    for path, table in trained.items():
        hashes = [geometry_hash(table=one)[:12] for one in (table, given)]
        if hashes[0] != hashes[1]:
            advice = "; without --geometry its own are used" if options.geometry else ""
            raise AnalysisError(
                f"{path} was trained with other positions (hash {hashes[0]}) than those of "
                f"{said} ({hashes[1]}){advice}"
            )
    return given


def _described(checkpoints: Sequence[Path]) -> str:
    """Return what the pages call the networks: one by its run, or by its file where it has none."""
    if len(checkpoints) != 1:
        return f"{len(checkpoints)} networks" if checkpoints else "without a network"
    (path,) = checkpoints
    run = RunDirectory(path.parent)
    return run.name if run.has_results else path.name


def write_comparison(comparison: InpaintingComparison, options: ComparisonOptions) -> list[Path]:
    """Write plots, numbers and, if asked for, every hidden sensor.

    Returns
    -------
    list of Path
        The files written.
    """
    readings = comparison.readings
    written = [
        draw_comparison(
            readings,
            options.output,
            title=f"Inpainting, {_described(list(options.models.values()))}",
            subtitle=f"{comparison.title} · {comparison.size}",
            effect=comparison.effect,
            geometry=comparison.geometry,
            data_sets=comparison.parts if comparison.shows_parts else {},
        ),
        write_numbers(options.numbers_path, {ALL: readings, **comparison.parts}),
    ]
    if options.residuals is not None:
        metadata = {
            "validation": comparison.title,
            "models": {name: str(path) for name, path in options.models.items()},
            "files": [str(path) for path in options.files],
        }
        written.append(write_residuals(options.residuals, readings, metadata))
    return written
