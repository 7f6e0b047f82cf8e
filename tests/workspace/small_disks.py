"""Commands on disks too small for what they write: ``python -m tests.workspace.small_disks``.

It mounts, and therefore runs in a namespace of its own; see `tests.small_disk`.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from xec_geometry.cli.application import main

EARLIER = "a complete file of earlier"

TINY = (
    *("data.train_path=events.root", "data.val_path=events.root", "data.batch_size=4", "data.num_workers=0"),
    *("model.encoder_dim=64", "model.outer_fine_pool=[3,3]", "model.num_fusion_layers=1"),
    *("training.epochs=1", "training.warmup_epochs=0", "mlflow.enabled=false"),
)
REGRESSOR = (*TINY, "model.hidden_dim=16", "model.anchor=none", "model.window=null")
RUN, INPAINTER = "artifacts/tiny/checkpoint_last.pth", "artifacts/inpainter/checkpoint_last.pth"


@dataclass(frozen=True)
class Writer:
    """A command that writes to the disk.

    Attributes
    ----------
    arguments
        Its words; DISK stands for the disk.
    told
        The file that its error names, or the beginning of that name.
    replaces
        Files that are there before, and have to be as they were.
    size
        Bytes of the disk, as `mount` takes them: enough for those files, too few for the new one.
    may_stay
        Complete files that may be there in the end.
    """

    arguments: tuple[str, ...]
    told: str
    replaces: tuple[str, ...] = ()
    size: str = "12k"
    may_stay: tuple[str, ...] = ()


def _replacing(*arguments: str, name: str, size: str = "12k") -> Writer:
    return Writer((*arguments, f"DISK/{name}", "--force"), name, (name,), size)


def _training(folder: str, told: str, size: str, *may_stay: str) -> Writer:
    names = (f"checkpoint.save_dir=DISK/{folder}", "mlflow.run_name=run")
    stay = tuple(f"{folder}/run/{name}" for name in may_stay)
    return Writer(("train", "config.yaml", *REGRESSOR, *names), f"{folder}/run/{told}", (), size, stay)


WRITERS = {
    "simulate": _replacing("data", "simulate", "-n", "2", name="events.root"),
    "rewrite": _replacing("data", "rewrite", "events.root", "-o", name="rewritten.root"),
    "dead sensors": _replacing("data", "check", "events.root", "--dead-out", name="dead.txt", size="4k"),
    "configuration": _replacing("config", "new", "-o", name="config.yaml"),
    "header": _replacing("geometry", "export", "--format", "cpp", "-o", name="layout.h"),
    "table": _replacing("geometry", "export", "--format", "csv", "-o", name="layout.csv"),
    "picture": _replacing("geometry", "show", "--png", name="faces.png"),
    "event": _replacing("display", "events.root", "0", "-o", name="event.pdf"),
    "predictions": _replacing("predict", RUN, "events.root", "-o", name="predictions.root", size="8k"),
    "plots": Writer(("plot", "predictions.root", "-o", "DISK/plots"), "plots/metrics_predictions", size="8k"),
    "network": _replacing("export", RUN, "-o", name="network.onnx"),
    "recovered": _replacing("inpaint", INPAINTER, "events.root", "-o", name="recovered.root"),
    "training": _training("a", "config.yaml", "4k"),
    "checkpoint": _training("b", "checkpoint_", "128k", "config.yaml", "data_files.csv", "metrics.csv"),
}

WITHOUT_NETWORK = tuple(WRITERS)[:8]


@dataclass(frozen=True)
class Outcome:
    """What a command did on its disk.

    Attributes
    ----------
    code
        Its exit code.
    errors
        What it wrote to standard error.
    files
        Files on the disk in the end, with the text of those that hold the one of earlier.
    """

    code: int
    errors: str
    files: Mapping[str, str]


def _run(*arguments: str) -> tuple[int, str]:
    errors = io.StringIO()
    code = 0
    with redirect_stderr(errors), redirect_stdout(io.StringIO()):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return code, errors.getvalue()


def _done(*arguments: str) -> None:
    code, errors = _run(*arguments)
    if code:
        raise RuntimeError(f"xec {' '.join(arguments)} ended with {code}: {errors}")


@contextmanager
def _disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        # Files that an error still refers to are open.
        subprocess.run(["umount", "--lazy", path], check=True)


def _prepare(names: tuple[str, ...]) -> None:
    """Write what the commands read into the working folder."""
    _done("data", "simulate", "events.root", "-n", "8")
    if set(names) <= set(WITHOUT_NETWORK):
        return
    from tests.shallow import make_networks_shallow

    make_networks_shallow(pytest.MonkeyPatch())
    few = ("checkpoint.save_artifacts=false", "export.onnx=null")
    _done("config", "new", "-o", "config.yaml")
    _done("train", "config.yaml", *REGRESSOR, *few, "mlflow.run_name=tiny")
    _done("predict", RUN, "events.root", "-o", "predictions.root")
    _done("config", "new", "--objective", "inpainting", "-o", "inpainting.yaml")
    _done("train", "inpainting.yaml", *TINY, "checkpoint.save_artifacts=false", "mlflow.run_name=inpainter")


def outcome(writer: Writer, disk: Path) -> Outcome:
    """Let a command write to a disk of its own."""
    with _disk(disk, writer.size):
        for name in writer.replaces:
            (disk / name).write_text(EARLIER)
        code, errors = _run(*(word.replace("DISK", str(disk)) for word in writer.arguments))
        files = {
            str(path.relative_to(disk)): path.read_bytes()[: len(EARLIER)].decode(errors="replace")
            for path in disk.rglob("*")
            if path.is_file()
        }
    return Outcome(code, errors, files)


def _main(disk: Path, *names: str) -> None:
    _prepare(names)
    found = {name: asdict(outcome(WRITERS[name], disk)) for name in names}
    Path("outcomes.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *(sys.argv[2:] or WRITERS))
