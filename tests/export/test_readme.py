"""The examples of the package's README work as printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "packages" / "xec-export" / "README.md"


def test_the_examples(
    exported: Any,
    event_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(exported.onnx, tmp_path / "model.onnx")
    shutil.copy(event_file, tmp_path / "events.root")
    monkeypatch.chdir(tmp_path)
    text = README.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    for example in examples:
        exec(compile(example, str(README), "exec"), {})
    printed = capsys.readouterr().out
    assert "angle: theta, phi in deg" in printed
    assert "'n_gamma': [" in printed
    assert "events; mean ratio" in printed


def test_the_table_of_outputs_is_complete(exported: Any) -> None:
    from xec_data.tasks.table import TASKS

    rows = re.findall(
        r"^\| out \| `(\w+)` \| \(batch, (\d)\) \|", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(rows) == {name: str(task.n_outputs) for name, task in TASKS.items()}
    assert set(exported.tasks) == set(TASKS)
