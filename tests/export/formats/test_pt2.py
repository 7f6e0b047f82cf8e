"""A compiled package gives the network's numbers, and says what it is without running anything."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_export import ExportError
from xec_export.formats.pt2 import Pt2Package, read_metadata
from xec_geometry.cli.application import main
from xec_models.checkpoint.building import load_model


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.mark.slow
def test_a_package_from_export_to_use(
    compiled: Path,
    make_events: Callable[..., Any],
    event_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = compiled / "net.pt2"
    assert f"wrote {package} (" in (compiled / "stdout.txt").read_text()
    names = {path.name for path in compiled.iterdir()}
    assert names == {"net.pth", "net.pt2", "net.pt2.json", "stdout.txt"}
    content = json.loads((compiled / "net.pt2.json").read_text())
    relative = [row["relative"] for row in content["parity"]["largest_differences"]]
    assert 0 < max(relative) < 1e-4

    opened = Pt2Package(package)
    assert opened.description.output_names == ("energy", "energy_sigma")
    events = make_events(3)
    found = opened(events["npho"], events["relative_time"])
    expected = load_model(compiled / "net.pth")(events["npho"], events["relative_time"])
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)
    assert opened(events["npho"][:0], events["relative_time"][:0])["energy"].shape == (0, 1)

    assert run("export", "inspect", package) == 0
    assert "no graph" in capsys.readouterr().out
    assert run("predict", package, event_file, "-o", tmp_path / "p.root") == 2
    assert "compiled code, which xec does not run" in capsys.readouterr().err


def test_metadata_are_read_without_running_anything(tmp_path: Path) -> None:
    package = tmp_path / "net.pt2"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("net/data/aotinductor/model/a.wrapper_metadata.json", json.dumps({"kind": "regressor"}))
    assert read_metadata(package) == {"kind": "regressor"}
    with pytest.raises(ExportError, match="without the metadata of xec"):
        Pt2Package(package)
    for content in (b"", b"PK nothing", b"something else"):
        package.write_bytes(content)
        with pytest.raises(ExportError, match="not a package of AOTInductor"):
            read_metadata(package)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "pt3", "-o", "m.pt3"], "unknown format 'pt3' (did you mean 'pt2'?)"),
        (["--format", "pt2", "-o", "m.onnx"], "expected a name that ends in .pt2"),
        (
            ["--format", "pt2", "-o", "m.pt2", "--precision", "fp16"],
            "only for --format onnx",
        ),
    ],
)
def test_options_that_make_no_sense(
    exported: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", exported.checkpoint, *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
