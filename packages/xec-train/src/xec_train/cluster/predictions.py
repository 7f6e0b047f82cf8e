"""Predictions for many files as an array of jobs, each of which runs ``xec predict`` for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xec_data import find_files
from xec_geometry.cli.plugins import require_commands
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.job_folder import DEFAULT_FOLDER
from xec_train.cluster.profile import ClusterFile, Profile
from xec_train.cluster.submission import Submission
from xec_train.cluster.work import CommandWork

_COMMAND = "predict"
_USUAL_JOBS = 100


def prediction_submission(
    words: Sequence[str],
    output: str,
    profile: Profile,
    file: ClusterFile,
    *,
    name: str | None = None,
    n_jobs: int | None = None,
    at_once: int | None = None,
    folder: Path = DEFAULT_FOLDER,
) -> Submission:
    """Make predictions ready to be submitted.

    Parameters
    ----------
    words
        The network, the files, folders or patterns, and behind them options of ``xec predict``.
    output
        Folder for the outputs, one for each file.
    profile
        Resources of each job.
    file
        The environments of the nodes.
    name
        Name of the jobs; None: that of the folder of the outputs.
    n_jobs
        Jobs; None: one for each file, at most a hundred.
    at_once
        Jobs that run at the same time; None: all.
    folder
        Folder of the folders of all jobs.

    Raises
    ------
    XecError
        If there are no files, two would have the same output, or ``xec predict`` is not installed.
    """
    require_commands([_COMMAND])
    first_option = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    (model, *patterns), options = words[:first_option] or [""], words[first_option:]
    if not Path(model).is_file():
        raise ClusterError(
            f"no network '{model}'; expected an ONNX file or a checkpoint, and ROOT files behind it"
        )
    files = find_files(patterns)
    _check_names(files)
    target = Path(output)
    if target.exists() and not target.is_dir():
        raise ClusterError(f"--output: {output} is a file; expected a folder, for a file of each input")
    work = [
        CommandWork(
            (_COMMAND, str(Path(model)), *map(str, part), "--output", f"{output.rstrip('/')}/", *options),
            profile.restarts,
        )
        for part in _parts(files, n_jobs or min(len(files), _USUAL_JOBS))
    ]
    return Submission(
        name or target.resolve().name,
        "predictions",
        work,
        profile.of_one_process(),
        file,
        output=output,
        at_once=at_once,
        folder=folder,
    )


def _parts(files: Sequence[Path], n: int) -> list[Sequence[Path]]:
    """Divide files among jobs, the large ones first, so that all have about the same to do."""
    parts: list[list[Path]] = [[] for _ in range(min(n, len(files)))]
    sizes = [0] * len(parts)
    for path in sorted(files, key=lambda path: path.stat().st_size, reverse=True):
        least = sizes.index(min(sizes))
        parts[least].append(path)
        sizes[least] += path.stat().st_size
    return [sorted(part) for part in parts]


def _check_names(files: Sequence[Path]) -> None:
    # A job sees its own files alone, and could not tell them apart by their folders.
    first: dict[str, Path] = {}
    for path in files:
        other = first.setdefault(path.stem.casefold(), path)
        if other != path:
            raise ClusterError(
                f"{other} and {path} would both become {path.stem}.root; expected different names, or "
                "'xec submit predict' for each folder"
            )
