"""The table of comparisons: what each takes, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.comparison.pages import check_pdf
from xec_analysis.comparison.sources import Content, Source
from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.comparison import ComparisonOptions
from xec_data.schema.branches import TREE_NAME
from xec_geometry.support.output import check_output
from xec_geometry.support.registry import Registry
from xec_models.dead_channels.estimators import ESTIMATORS

if TYPE_CHECKING:
    from rich.console import RenderableType


# Each has a colour, as the estimators have.
_MOST_NETWORKS = 3


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Output of a comparison, and how it is made.

    Attributes
    ----------
    output
        The PDF; numbers go into a CSV file beside it.
    force
        Whether existing files may be replaced; inputs never.
    tree_name
        Name of the tree in ROOT files.
    hiding
        How sensors are hidden, where estimates of hidden sensors are compared.
    """

    output: Path = Path("compare.pdf")
    force: bool = False
    tree_name: str = TREE_NAME
    hiding: ComparisonOptions = field(default_factory=lambda: ComparisonOptions(files=()))

    def check(self, sources: Sequence[Source]) -> None:
        """Check that the files can be written; raises an `OutputError` or an `AnalysisError`."""
        check_pdf(self.output)
        inputs = [source.path for source in sources]
        for path in (self.output, self.output.with_suffix(".csv")):
            check_output(path, inputs=inputs, force=self.force)


@dataclass(frozen=True)
class ComparisonEntry:
    """A way of comparing.

    Attributes
    ----------
    name
        Name in the table.
    expected
        What it takes, in words.
    needs
        Contents of which something has to be there.
    takes
        Contents of which everything that is given has at least one.
    compare
        Takes what is given and the options; yields tables and lines for the terminal, then the paths of the
        files that it wrote.
    """

    name: str
    expected: str
    needs: Content
    takes: frozenset[Content]
    compare: Callable[[Sequence[Source], CompareOptions], Iterator[RenderableType | Path]]

    def suits(self, sources: Sequence[Source]) -> bool:
        """Return whether these can be compared in this way."""
        needed = any(self.needs in source.contents for source in sources)
        return needed and all(source.contents & self.takes for source in sources)


def choose_comparison(sources: Sequence[Source]) -> ComparisonEntry:
    """Return the first way of comparing that suits.

    Raises
    ------
    AnalysisError
        If there is none.
    """
    for entry in COMPARISONS.values():
        if entry.suits(sources):
            return entry
    expected = "; or ".join(entry.expected for entry in COMPARISONS.values())
    raise AnalysisError(f"nothing to compare in {', '.join(map(str, sources))}; expected {expected}")


def _hidden_sensors(sources: Sequence[Source], options: CompareOptions) -> Iterator[RenderableType | Path]:
    from xec_analysis.inpainting import comparison as program
    from xec_data.commands.progress import progress_of_files

    networks = [source for source in sources if Content.EVENTS not in source.contents]
    files = [source.path for source in sources if Content.EVENTS in source.contents]
    if len(networks) > _MOST_NETWORKS:
        raise AnalysisError(f"{len(networks)} networks to fill in sensors; expected at most {_MOST_NETWORKS}")
    hiding = replace(
        options.hiding, files=files, models=_named(networks), output=options.output, force=options.force
    )
    with progress_of_files("filling in") as progress_of:
        comparison = program.compare_inpainting(hiding, progress_of(files[0]))
    yield from comparison.report()
    yield from program.write_comparison(comparison, hiding)


def _named(networks: Sequence[Source]) -> dict[str, Path]:
    """Return checkpoints by the names that they have in tables and plots."""
    if len(networks) == 1:
        return {NETWORK: networks[0].checkpoint}
    names = [network.run.name if network.run else network.path.stem for network in networks]
    return {
        name if names.count(name) == 1 and name not in ESTIMATORS else str(network.path): network.checkpoint
        for name, network in zip(names, networks, strict=True)
    }


def _runs(sources: Sequence[Source], options: CompareOptions) -> Iterator[RenderableType | Path]:
    from xec_analysis.comparison.program import compare_runs

    options.check(sources)
    comparison = compare_runs([source.run for source in sources if source.run is not None])
    yield from comparison.report()
    yield from comparison.write(options.output)


def _predictions(sources: Sequence[Source], options: CompareOptions) -> Iterator[RenderableType | Path]:
    from xec_analysis.comparison.program import compare_predictions

    options.check(sources)
    comparison = compare_predictions(sources, options.tree_name)
    yield from comparison.report()
    yield from comparison.write(options.output)


COMPARISONS = Registry(
    "comparison",
    (
        ComparisonEntry("runs", "runs of 'xec train'", Content.RUN, frozenset({Content.RUN}), _runs),
        ComparisonEntry(
            "predictions",
            "files of 'xec predict' with their truth",
            Content.PREDICTIONS,
            frozenset({Content.PREDICTIONS, Content.RUN}),
            _predictions,
        ),
        ComparisonEntry(
            "hidden sensors",
            "files of events, with networks that reconstruct readings or without",
            Content.EVENTS,
            frozenset({Content.EVENTS, Content.NETWORK, Content.RUN}),
            _hidden_sensors,
        ),
    ),
    error=AnalysisError,
)
"""Ways of comparing by name; the first that suits is taken."""
