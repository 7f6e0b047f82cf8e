"""``xec export inspect`` says what a network is, and the resolution is that of its validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_export.forms.resolution import validated_resolution
from xec_export.prediction.model_file import describe_file
from xec_geometry import geometry_hash
from xec_geometry.cli.application import main
from xec_models.checkpoint.run_directory import RunDirectory


def run(*arguments: str | Path) -> int:
    """Run the command and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def words(text: str) -> str:
    """The text without the lines of tables and without line breaks."""
    return " ".join("".join(" " if letter in "│┃" else letter for letter in text).split())


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_the_table(exported: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert run("export", "inspect", getattr(exported, form)) == 0
    said = words(capsys.readouterr().out)
    for expected in (
        "kind regressor",
        "input npho (batch, 4760), unit photons, branch 'npho'",
        "input time (batch, 4760), unit s, branch 'relative_time'",
        "tasks angle, energy, timing, uvwFI, angleVec, n_gamma",
        f"geometry nominal, hash {geometry_hash('physical')[:12]}",
        "npho_scale 1000.0",
        "revision 0123456789abcdef",
        "epoch 12",
        "weights moving average",
        "uvwFI_sigma (batch, 3) cm sigma_u,",
        "opset 20" if form == "onnx" else "opset no graph",
    ):
        assert expected in said


def test_an_inpainter(inpainter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "inspect", inpainter / "net.onnx") == 0
    said = words(capsys.readouterr().out)
    assert "kind inpainter" in said
    assert "input dead (batch, 4760), unit 1: 1 where a sensor is to be recovered" in said
    assert "time_inpainted (batch, 4760) s time" in said


def test_what_is_no_network(exported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(exported.onnx.read_bytes()[:1000])
    for path, message in ((damaged, "not an ONNX file"), (tmp_path / "none.onnx", "no such file")):
        assert run("export", "inspect", path) == 2
        error = capsys.readouterr().err
        assert message in error
        assert str(path) in error


def test_a_checkpoint_called_inspect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("inspect").write_text("nothing")
    assert run("export", "./inspect", "-o", "m.onnx") == 2
    assert "inspect" in capsys.readouterr().err


def test_the_resolution_is_that_of_the_validation(tmp_path: Path) -> None:
    run_directory = RunDirectory(tmp_path)
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.02, 0.06, 4000)
    rows = np.stack([truth + rng.normal(1e-3, 1e-3, 4000), truth], axis=1)
    path = run_directory.predictions("energy")
    np.savetxt(path, rows, delimiter=",", header="pred_energy,truth_energy", comments="")
    angles = np.stack([np.full(100, 179.0), np.linspace(-180, -178, 100)] * 2, axis=1)
    np.savetxt(
        run_directory.predictions("angle"),
        angles,
        delimiter=",",
        header="pred_theta,truth_theta,pred_phi,truth_phi",
        comments="",
    )
    found = validated_resolution(run_directory, run_directory.checkpoint_best)
    assert found["energy"] == pytest.approx([1e-3], rel=0.05)
    # φ goes round: from 179° to −180° it is 1°.
    assert found["angle"][1] == pytest.approx(0.68, abs=0.02)
    # Only the checkpoint that was validated has it.
    assert validated_resolution(run_directory, run_directory.checkpoint_last) == {}
    path.write_text("pred_energy,truth_energy\n1,x\n")
    assert "energy" not in validated_resolution(run_directory, run_directory.checkpoint_best)


def test_the_resolution_is_kept(exported: Any) -> None:
    from dataclasses import replace

    from xec_export.onnx.description import ModelDescription

    known = replace(describe_file(exported.onnx), resolution={"energy": [1e-3], "angle": [0.5, 0.6]})
    again = ModelDescription.from_metadata(known.to_metadata(), exported.onnx)
    assert again.resolution == {"energy": [1e-3], "angle": [0.5, 0.6]}
    assert again.only(["angle"], "").resolution == {"angle": [0.5, 0.6]}
