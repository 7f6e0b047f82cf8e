"""data_files.csv: the files that a training has read, with a hash of each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xec_data.reading.file_digest import header_digest
from xec_geometry.support.output import atomic_output

if TYPE_CHECKING:
    # Torch takes seconds to import, and is not needed to read the file.
    from xec_train.data.events import Events


class DataFile(NamedTuple):
    """A ROOT file that a training reads.

    Attributes
    ----------
    use
        ``training``, ``validation``, or both with " and " between.
    path
        The absolute path.
    tree
        Name of the tree.
    entries
        Events in it.
    kept
        Events of it that take part.
    bytes
        Length of the file.
    digest
        `header_digest` of the file.
    """

    use: str
    path: str
    tree: str
    entries: int
    kept: int
    bytes: int
    digest: str


def describe_files(training: Events, validation: Events) -> list[DataFile]:
    """Describe the files of a training; a file with both uses is listed once."""
    found: dict[str, DataFile] = {}
    for use, events in (("training", training), ("validation", validation)):
        for tree, source in zip(events.reader.trees, events.sources, strict=True):
            path = tree.path.resolve()
            before = found.get(str(path))
            found[str(path)] = DataFile(
                use if before is None else f"{before.use} and {use}",
                str(path),
                tree.tree,
                tree.n_entries,
                len(source),
                path.stat().st_size,
                header_digest(path),
            )
    return list(found.values())


def changed_files(files: Sequence[DataFile]) -> list[str]:
    """Say in a line each which files are no longer what they were."""
    lines = []
    for file in files:
        try:
            digest = header_digest(Path(file.path))
        except OSError as error:
            lines.append(f"{file.path} can no longer be read: {error.strerror}")
            continue
        if digest != file.digest:
            lines.append(f"{file.path} is another file than when this training began to read it")
    return lines


def write_data_files(path: Path, files: Sequence[DataFile]) -> None:
    """Write ``data_files.csv``."""
    with atomic_output(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(DataFile._fields)
        writer.writerows(files)


def read_data_files(path: Path) -> list[DataFile]:
    """Read ``data_files.csv``; none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            DataFile(
                **{
                    name: int(text) if name in ("entries", "kept", "bytes") else text
                    for name, text in row.items()
                }  # type: ignore[arg-type]
            )
            for row in csv.DictReader(file)
        ]
