"""A training from files to run directory; interrupted and resumed; refused."""

from __future__ import annotations

import csv
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tests.checkpoint_files import read_checkpoint
from tests.train.recorded import metrics

from xec_data.reading.columns import read_columns
from xec_data.reading.reader import EventReader
from xec_geometry.cli.application import main
from xec_geometry.errors import XecError
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.regressor.metrics import task_metrics
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import TrainError
from xec_train.regression.objective import Regression
from xec_train.runs.assembly import assemble
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
ALL_TASKS = [f"tasks.{task}.enabled=true" for task in ("angle", "energy", "timing", "uvwFI", "angleVec")]


def first_version(content: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint in the first version of the format."""
    new = ("outputs", "objective", "ema_objective")
    older = {key: value for key, value in content.items() if key not in new}
    # Learnt weights of losses were parameters of the network.
    older["model"] = {**older["model"], **content["objective"]}
    if content["ema_model"] is not None:
        older["ema_model"] = {**older["ema_model"], **content["ema_objective"]}
    return {**older, "format_version": 1}


def differences(a: Path, b: Path) -> list[str]:
    """Keys of two checkpoints that do not hold the same numbers, bit for bit."""
    first, second = read_checkpoint(a), read_checkpoint(b)

    def same(x: Any, y: Any) -> bool:
        if isinstance(x, torch.Tensor):
            return torch.equal(x, y)
        if isinstance(x, dict):
            return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
        if isinstance(x, list):
            return len(x) == len(y) and all(map(same, x, y))
        return bool(x == y)

    numbers = (
        "model",
        "ema_model",
        "objective",
        "ema_objective",
        "ema_updates",
        "optimizer",
        "scheduler",
        "rng",
    )
    place = ("epoch", "step", "best_value", "sampler")
    return [key for key in (*numbers, *place) if not same(first[key], second[key])]


@contextmanager
def interrupted_at(step: int, number: signal.Signals) -> Iterator[None]:
    """Send a signal while a step runs."""
    original = TrainLoop.step

    def step_and_signal(loop: TrainLoop, window: Any) -> Any:
        if loop.state.progress.step == step:
            signal.raise_signal(number)
        return original(loop, window)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainLoop, "step", step_and_signal)
        yield


class TestRunDirectory:
    def test_everything_is_there_and_agrees(
        self,
        configure: Configure,
        event_files: tuple[Path, Path],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        plugins = [
            SimpleNamespace(name="a", value="a:a", load=lambda: lambda run: [run / "made.txt"]),
            SimpleNamespace(name="b", value="b:b", load=lambda: lambda run: 1 // 0),
        ]
        monkeypatch.setattr("xec_train.runs.artifacts.entry_points", lambda **_: plugins)
        config = configure(
            *ALL_TASKS, "mlflow.run_name=whole", "training.epochs=3", "checkpoint.save_interval=2",
            "tasks.energy.loss_fn=gaussian_nll",
        )  # fmt: skip
        run = train(config)
        printed = capsys.readouterr().out

        names = sorted(path.name for path in run.path.iterdir())
        assert names == sorted([
            "config.yaml", "checkpoint_best.pth", "checkpoint_last.pth", "checkpoint_epoch_2.pth",
            "metrics.csv", "data_files.csv", "validation_results_whole.root",
            *(f"predictions_{task}_whole.csv" for task in config.enabled_tasks),
        ])  # fmt: skip
        assert yaml.safe_load(run.config.read_text())["mlflow"]["run_name"] == "whole"
        assert "warning: 'b' (b:b) failed: ZeroDivisionError" in printed
        assert "network: 0." in printed
        assert f"xec plot {run.path}" in printed

        # The files say what the best network says about the validation events.
        results = read_columns(run.validation_results)
        events = EventReader(event_files[1], ["npho", "time", "emiAng", "energyTruth", "run", "event"])
        chunk = events.read(events.shards[0])
        with torch.inference_mode():
            outputs = load_model(run.checkpoint_best)(chunk["npho"], chunk["time"])
        np.testing.assert_array_equal(results["event"], chunk["event"])
        np.testing.assert_array_equal(results["run"], chunk["run"])
        light = [math.fsum(x for x in readings if x < 9e9) for readings in chunk["npho"].tolist()]
        np.testing.assert_allclose(results["npho_sum"], light, rtol=1e-6)
        np.testing.assert_allclose(results["emiAng"], chunk["emiAng"])
        np.testing.assert_allclose(results["pred_phi"], outputs["angle"][:, 1], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(results["pred_u"], outputs["uvwFI"][:, 0], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(results["sigma_energy"], outputs["energy_sigma"][:, 0], rtol=1e-3)
        with run.predictions("energy").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["run", "event", "pred_energy", "sigma_energy", "truth_energy"]
        truth = np.array([row["truth_energy"] for row in rows], np.float32)
        np.testing.assert_array_equal(truth, chunk["energyTruth"])

        # metrics.csv has those of the epoch that was best.
        values = metrics(run)
        best = int(np.argmin(values["val_loss"]))
        prediction = np.stack([results["pred_theta"], results["pred_phi"]], axis=1)
        expected = task_metrics("angle", prediction, chunk["emiAng"])["val_resolution_deg"]
        assert values["val_resolution_deg"][best] == pytest.approx(expected, rel=1e-4)
        assert {"theta_bias", "uvw_dist_68pct", "energy_res_68pct", "timing_res_68pct", "lr"} <= set(values)
        assert values["train_loss"][-1] < values["train_loss"][0]

    def test_the_checkpoint_stands_alone(self, configure: Configure) -> None:
        run = train(configure("training.epochs=1", "checkpoint.save_artifacts=false"))
        checkpoint = read_checkpoint(run.checkpoint_last)
        assert checkpoint["kind"] == "regressor"
        assert checkpoint["epoch"] == 1
        assert checkpoint["config"]["training"]["lr"] == 3e-3
        assert checkpoint["versions"]["xec-train"]
        assert not run.validation_results.exists()
        assert run.path.parent == Path("artifacts")

    def test_deterministic_and_without_average(self, configure: Configure) -> None:
        changes = ("training.epochs=1", "training.ema_decay=null", "training.deterministic=true")
        try:
            run = train(configure(*changes, "data.fiducial.enabled=true"))
        finally:
            torch.use_deterministic_algorithms(False)
        assert read_checkpoint(run.checkpoint_best)["ema_model"] is None
        assert run.validation_results.exists()

    def test_workers_and_threads_change_nothing(self, configure: Configure) -> None:
        for name, workers in (("alone", 0), ("helped", 1)):
            train(configure(
                f"mlflow.run_name={name}", f"data.num_workers={workers}", "training.epochs=1",
                "checkpoint.save_artifacts=false",
            ))  # fmt: skip
        assert not differences(
            Path("artifacts/alone/checkpoint_last.pth"), Path("artifacts/helped/checkpoint_last.pth")
        )


# The window has to be learned together with the rest, and the calibrations stay what they were.
ANCHORED = (
    "model.anchor=light",
    "model.window=[8, 8]",
    "model.inner_pool=[31, 11]",
    "tasks.uvwFI.enabled=true",
)


class TestResuming:
    @pytest.mark.parametrize(
        ("step", "number"), [(1, signal.SIGINT), (3, signal.SIGTERM), (5, signal.SIGUSR1)]
    )
    def test_interrupted_and_resumed_is_uninterrupted(
        self,
        configure: Configure,
        capsys: pytest.CaptureFixture[str],
        step: int,
        number: signal.Signals,
    ) -> None:
        quick = (
            "checkpoint.save_artifacts=false",
            "training.grad_accum_steps=1",
            "tasks.energy.enabled=true",
            "loss_balance=auto",
            f"training.mirror={str(step == 5).lower()}",
            *(ANCHORED if step == 5 else ()),
            *(("data.dead_channels=dead.txt",) if step == 1 else ()),
        )
        Path("dead.txt").write_text(" ".join(map(str, range(2000, 3000))))
        whole = train(configure(*quick, "mlflow.run_name=whole"))

        with interrupted_at(step, number):
            parts = train(configure(*quick, "mlflow.run_name=parts"))
        stopped = read_checkpoint(parts.checkpoint_last)
        assert stopped["step"] == step + 1
        if step == 3:
            torch.save(first_version(stopped), parts.checkpoint_last)
        printed = capsys.readouterr().out
        assert f"checkpoint.resume_from={parts.checkpoint_last}" in printed
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

        # The run goes on with the list that it began with.
        Path("dead.txt").write_text("0")
        assert ("dead channels: a list of 1000 sensors" in printed) == (step == 1)
        resumed = train(configure(*quick, f"checkpoint.resume_from={parts.checkpoint_last}"))
        assert resumed.path == parts.path
        assert not differences(whole.checkpoint_last, parts.checkpoint_last)
        assert not differences(whole.checkpoint_best, parts.checkpoint_best)
        numbers, uninterrupted = metrics(parts), metrics(whole)
        for name in ("train_loss", "val_loss", "val_resolution_deg"):
            assert numbers[name] == uninterrupted[name]

    def test_interrupted_while_it_validates(self, configure: Configure) -> None:
        quick = ("checkpoint.save_artifacts=false", "training.epochs=1")
        whole = train(configure(*quick, "mlflow.run_name=whole"))
        original = Regression.outputs

        def outputs_and_signal(objective: Regression, network: Any, raw: Any) -> Any:
            signal.raise_signal(signal.SIGINT)
            return original(objective, network, raw)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Regression, "outputs", outputs_and_signal)
            parts = train(configure(*quick, "mlflow.run_name=parts"))
        assert not parts.checkpoint_best.exists()
        train(configure(*quick, f"checkpoint.resume_from={parts.path}"))
        assert not differences(whole.checkpoint_best, parts.checkpoint_best)

    def test_auto_takes_the_run_if_there_is_one(
        self, configure: Configure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        auto = ("checkpoint.resume_from=auto", "mlflow.run_name=night", "checkpoint.save_artifacts=false")
        train(configure(*auto, "training.epochs=1"))
        assert "a new training" in capsys.readouterr().out
        run = train(configure(*auto, "training.epochs=2"))
        assert "continuing artifacts/night/checkpoint_last.pth" in capsys.readouterr().out
        assert read_checkpoint(run.checkpoint_last)["epoch"] == 2
        assert len(metrics(run)["val_loss"]) == 2

    def test_a_configuration_that_contradicts_the_checkpoint(self, configure: Configure) -> None:
        run = train(configure("training.epochs=1", "checkpoint.save_artifacts=false"))
        with pytest.raises(TrainError) as caught:
            train(configure(f"checkpoint.resume_from={run.path}", "model.hidden_dim=32", "training.epochs=2"))
        message = str(caught.value)
        assert "model.hidden_dim is 32, there 16" in message

    def test_what_is_no_checkpoint(self, configure: Configure, tmp_path: Path) -> None:
        path = tmp_path / "nothing.pth"
        path.write_bytes(b"no checkpoint")
        with pytest.raises(XecError, match="is no checkpoint"):
            train(configure(f"checkpoint.resume_from={path}"))
        assert not Path("artifacts").exists()


class TestCommand:
    def test_it_trains_and_prints_plain_lines(
        self, small: tuple[str, ...], event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n")
        with pytest.raises(SystemExit) as caught:
            main(["train", "run.yaml", *small, "--tasks", "energy", "mlflow.run_name=cli"])
        assert not caught.value.code
        assert "\x1b" not in (printed := capsys.readouterr().out)
        assert "epoch   2/2  train " in printed
        assert "energy_res_68pct" in printed
        assert RunDirectory("artifacts/cli").predictions("energy").exists()

    def test_a_width_that_leaves_faces_one_channel_is_told(
        self, configure: Configure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for width in (32, 64):
            assemble(configure(f"model.encoder_dim={width}"), Display())
            said = "".join(capsys.readouterr())
            assert ("one channel on the rectangular faces" in said) == (width == 32)

    def test_a_wrong_configuration_leaves_nothing_behind(
        self, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: nowhere.root}}\n")
        for words in (["--epoch", "1"], []):
            with pytest.raises(SystemExit) as caught:
                main(["train", "run.yaml", *words])
            assert caught.value.code == 2
            assert capsys.readouterr().err.startswith("xec: error: ")
        assert [path.name for path in Path().iterdir()] == ["run.yaml"]


class TestNames:
    def test_no_run_is_overwritten(self, configure: Configure) -> None:
        folder = Path("artifacts/mine")
        folder.mkdir(parents=True)
        (folder / "thesis.txt").write_text("years of work")
        with pytest.raises(TrainError, match="artifacts/mine exists already"):
            train(configure("mlflow.run_name=mine"))
        assert [path.name for path in folder.iterdir()] == ["thesis.txt"]

    @pytest.mark.parametrize("name", ["a/b", "..", ""])
    def test_a_name_is_that_of_a_folder(self, configure: Configure, name: str) -> None:
        with pytest.raises(TrainError, match="run_name"):
            train(configure(f"mlflow.run_name={name}"))
