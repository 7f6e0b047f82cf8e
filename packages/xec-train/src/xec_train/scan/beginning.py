"""The beginning of a study, or of more work on it: the same again, or an error that says what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xec_geometry.support.flattening import flatten
from xec_train.config.arguments import parse_arguments
from xec_train.config.loading import load_config
from xec_train.config.train_config import TrainConfig
from xec_train.scan.errors import ScanError
from xec_train.scan.folder import DEFAULT_FOLDER, StudyFolder, StudyRecord
from xec_train.scan.points import grid
from xec_train.scan.progress import Scan
from xec_train.scan.space import SpaceFile
from xec_train.scan.space_file import read_space, settings_of
from xec_train.scan.storage import import_optuna

# They change how fast a training is, or where it is told, not what comes out.
_FREE = (
    "data.num_workers",
    "data.num_threads",
    "data.prefetch_factor",
    "data.chunksize",
    "tensorboard.enabled",
)
_FREE_SECTIONS = ("mlflow.",)
_FREE_OF_CHECKPOINT = ("save_interval", "keep_last", "every_minutes", "save_dir", "save_artifacts")


@dataclass(frozen=True)
class Beginning:
    """A study that is ready to begin or to go on.

    Attributes
    ----------
    folder, record
        Its folder, and what it is from now on.
    config
        Its configuration.
    notes
        Lines for the user.
    is_new
        Whether it has not begun before.
    """

    folder: StudyFolder
    record: StudyRecord
    config: TrainConfig
    notes: tuple[str, ...]
    is_new: bool

    def in_words(self) -> list[str]:
        """Say what is searched, a line for each step."""
        begins = "new study" if self.is_new else "going on with"
        lines = [f"{begins} {self.folder.path}: {self.record.space.metric}, {self.record.space.direction}d"]
        for search in self.record.space.searches:
            n_trials = len(grid(search.space)) if search.is_grid else search.trials
            pruned = "" if search.pruner.name == "none" else f", pruned by {search.pruner.name}"
            name = f"step {search.name}: " if search.name else ""
            keys = ", ".join(search.space)
            trials = "1 trial" if n_trials == 1 else f"{n_trials} trials"
            lines.append(f"  {name}{trials} by {search.sampler.name}{pruned}, over {keys}")
        return lines

    def begin(self) -> Scan:
        """Make the folder, keep what the study is, and let its first trials wait.

        Raises
        ------
        XecError
            If folder or storage cannot be written, or a step of the study has no best trial.
        """
        self.folder.create()
        scan = Scan.open(self.folder, self.record)
        self.folder.write(self.record)
        scan.begin_next()
        return scan


def begin(
    words: Sequence[str],
    *,
    name: str | None = None,
    storage: str | None = None,
    folder: Path = DEFAULT_FOLDER,
) -> Beginning:
    """Read configuration and space, and compare them with what the study was so far; nothing is written.

    Parameters
    ----------
    words
        Configuration, space file, and changes of the configuration as for ``xec train``.
    name
        Name of the study; None: that of the space file.
    storage
        Address of a database, or path of a journal; None: the journal of the study's folder.
    folder
        Folder of the folders of all studies.

    Raises
    ------
    XecError
        With every problem of a file; or if the study began with something else.
    """
    import_optuna()
    files = parse_arguments(words).files
    if len(files) != 2:
        found = f"found {len(files)}: {', '.join(files)}" if files else "found none"
        raise ScanError(f"expected two files, a configuration and a space, {found}")
    changes = list(words)
    for file in files:
        changes.remove(file)
    loaded = load_config(files[0], changes)
    space, notes = read_space(Path(files[1]), loaded.config)
    if name is not None:
        space = type(space).model_validate({**space.model_dump(exclude_unset=True), "name": name})
    assert space.name is not None
    target = StudyFolder(folder / space.name)
    record = StudyRecord(name=space.name, storage=storage, settings=settings_of(loaded.config), space=space)
    earlier = target.read()
    notes = (*loaded.notes, *notes)
    if earlier is not None:
        notes += _differences(target, earlier, record, loaded.config)
        if storage is None:
            record = record.model_copy(update={"storage": earlier.storage})
    return Beginning(target, record, loaded.config, notes, earlier is None)


def _differences(
    folder: StudyFolder, earlier: StudyRecord, now: StudyRecord, config: TrainConfig
) -> tuple[str, ...]:
    """Return notes about what may differ.

    Raises
    ------
    ScanError
        If something else differs.
    """
    before = TrainConfig.model_validate(earlier.settings).model_dump(mode="json")
    changes = _changes(flatten(before), flatten(config.model_dump(mode="json")))
    fixed = [line for key, line in changes.items() if not _is_free(key)]
    free = [line for key, line in changes.items() if _is_free(key)]
    (fixed_before, free_before), (fixed_now, free_now) = _content(earlier.space), _content(now.space)
    fixed += _changes(fixed_before, fixed_now).values()
    free += _changes(free_before, free_now).values()
    if now.storage is not None and now.storage != (earlier.storage or str(folder.journal)):
        fixed.append(f"--storage: was {earlier.storage or folder.journal}, is {now.storage}")
    if fixed:
        raise ScanError(
            "\n  ".join(
                [
                    f"{folder.path} was begun with other values; expected the same, or another --name",
                    *fixed,
                ]
            )
        )
    return tuple(f"changed: {line}" for line in free)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: f"{key}: was {before.get(key, 'not given')}, is {now.get(key, 'not given')}"
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key)
    }


def _content(space: SpaceFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a space file says by key: what makes the study, and what may change."""
    fixed: dict[str, Any] = {"metric": space.metric, "direction": space.direction, "seed": space.seed}
    free: dict[str, Any] = {}
    for search in space.searches:
        values = {key: parameter.model_dump(exclude_defaults=True) for key, parameter in search.space.items()}
        place = f"steps.{search.name}." if search.name else ""
        of_step = {"space": values, "settings": search.settings, "from_best": search.from_best}
        fixed |= {f"{place}{key}": value for key, value in flatten(of_step).items()}
        # More trials, or another way to choose them, leave those that are done as they are.
        choice = {
            "trials": search.trials,
            "sampler": search.sampler.model_dump(),
            "pruner": search.pruner.model_dump(),
        }
        free |= {f"{place}{key}": value for key, value in flatten(choice).items()}
    return fixed, free


def _is_free(key: str) -> bool:
    section, _, name = key.partition(".")
    return (
        key in _FREE
        or key.startswith(_FREE_SECTIONS)
        or (section == "checkpoint" and name in _FREE_OF_CHECKPOINT)
    )
