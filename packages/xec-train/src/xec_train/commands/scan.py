"""``xec scan``: search for good values of a configuration."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from xec_geometry.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from xec_train.scan.progress import Scan
    from xec_train.scan.session import Session

_MOST_ROWS = 20
_WIDTH = 200  # of a table in a file


def scan(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG SPACE [KEY=VALUE | --FLAG VALUE]...",
            help="A configuration, a file that says what is searched, and changes as for 'xec train'.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Trials at the same time.")] = 1,
    name: Annotated[
        str | None, typer.Option(help="Name of the study; default: that of the space file.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A database or a journal file; default: scans/NAME/journal.log."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(metavar="STUDY", help="Show a study: its trials and the best one; train nothing."),
    ] = None,
    join: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY", help="Work on a study that has begun, from one more terminal or machine."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check both files, say what would be tried, and train nothing.")
    ] = False,
) -> None:
    """Search for good values of a configuration: every trial is a training.

    The same command again goes on where it was. Results are in scans/NAME: trials.csv, best.yaml, plots.

    Exits with 0 if trials were completed, with 75 if it was interrupted and can be continued, with 2 if
    all trials failed, or for an error that you can mend.
    """
    begun = {"--show": show, "--join": join}
    new = {"--workers": workers > 1, "--name": name, "--storage": storage, "--dry-run": dry_run}
    chosen = [option for option, study in begun.items() if study is not None]
    if chosen:
        _check_alone([*chosen, *(option for option, value in new.items() if value), *(words or [])])
    if show is not None:
        _show(show)
    elif join is not None:
        _join(join)
    else:
        _scan(words or [], workers, name, storage, dry_run)


def _check_alone(found: list[str]) -> None:
    from xec_train.scan.errors import ScanError

    first, *others = found
    if others:
        raise ScanError(f"{first}: a study that has begun, expected nothing else; found {' '.join(others)}")


def _scan(words: list[str], workers: int, name: str | None, storage: str | None, dry_run: bool) -> None:
    from xec_train.scan.beginning import begin
    from xec_train.scan.session import Session

    beginning = begin(words, name=name, storage=storage)
    for note in beginning.notes:
        typer.echo(f"note: {note}", err=True)
    for line in beginning.in_words():
        typer.echo(line)
    if dry_run:
        return
    study = beginning.begin()
    finished = Session(study, beginning.config, _tell).run(workers)
    _print_results(study)
    if not finished:
        typer.echo("interrupted; the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED)
    study.check_completed()


def _show(name: str) -> None:
    session = _session(name)
    # One that was killed tells nobody.
    session.scan.requeue_lost()
    session.write_results()
    _print_results(session.scan, most=None)


def _join(name: str) -> None:
    from xec_train.scan.worker import work

    session = _session(name)
    if not work(session.scan.folder, _tell):
        typer.echo("interrupted; the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED)
    if session.scan.begin_next() is None:
        # Nobody works on it any more.
        session.write_results("FINISHED")
        _print_results(session.scan)
        session.scan.check_completed()


def _session(name: str) -> Session:
    from xec_train.config.train_config import TrainConfig
    from xec_train.scan.folder import find_study
    from xec_train.scan.progress import Scan
    from xec_train.scan.session import Session

    folder, record = find_study(name)
    return Session(Scan.open(folder, record), TrainConfig.model_validate(record.settings), _tell)


def _tell(line: str) -> None:
    typer.echo(line)
    # Also where it goes into a file that somebody watches.
    sys.stdout.flush()


def _print_results(study: Scan, most: int | None = _MOST_ROWS) -> None:
    from rich.console import Console

    from xec_train.scan.results import best_of, table

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    for queue in study.begun:
        console.print(table(queue, most))
    counts = study.counts()
    typer.echo(", ".join(f"{n} {state}" for state, n in counts.items()))
    if (found := best_of(study)) is not None:
        queue, best = found
        typer.echo(f"best: {queue.run_name(best.number)}, {study.record.space.metric} {best.value:.5g}")
        typer.echo(f"  xec train {study.folder.best}     its configuration")
    for path in (study.folder.table, *sorted(study.folder.plots.glob("*.png"))):
        typer.echo(f"  {path}")


# The host hands this to click: flags are read by the configuration, from its own table.
scan.context_settings = {"ignore_unknown_options": True}  # type: ignore[attr-defined]
