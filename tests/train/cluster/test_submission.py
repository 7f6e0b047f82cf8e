"""What `xec submit` would give to sbatch, and what it refuses; SLURM itself is not needed."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from xec_train.cluster.predictions import prediction_submission
from xec_train.cluster.profile import ClusterFile, Profile
from xec_train.cluster.variables import read_variables
from xec_train.commands.submit import app
from xec_train.config.template import template

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'xec-train[cluster]'")

EXAMPLE = Path(__file__).parents[3] / "packages" / "xec-train" / "docs" / "cluster.yaml"
DATA = ("--train_path", "a.root", "--val_path", "b.root")


@pytest.fixture(autouse=True)
def _no_settings_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("EPOCHS", "LR", "TASKS", "BATCH", "NUM_GPUS", "DRY_RUN", "RESUME_FROM", "EMA_DECAY"):
        monkeypatch.delenv(name, raising=False)
    Path("run.yaml").write_text(template())


def submit(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def options(script: str) -> dict[str, str]:
    """Options of sbatch in a script."""
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")]
    return {line.partition("=")[0]: line.partition("=")[2] for line in lines}


def test_the_script_asks_for_what_the_user_asks(tmp_path: Path) -> None:
    words = [
        "--partition",
        "gpu",
        "--cluster",
        "merlin",
        "--time",
        "12:00:00",
        "--nodes",
        "2",
        "--mem",
        "64G",
    ]
    words += ["--gpus-per-node", "4", "--cpus", "8", "--name", "night", "--dry-run"]
    done = submit("run.yaml", *DATA, *words, "training.epochs=3")
    assert done.exit_code == 0, done.output
    found = options(done.stdout)
    log = f"{tmp_path}/jobs/night/%j_0_log"
    assert found == {
        "clusters": "merlin",
        "cpus-per-task": "8",
        "error": f"{log}.err",
        "gpus-per-node": "4",
        "job-name": "night",
        "mem": "64G",
        "nodes": "2",
        "ntasks-per-node": "4",
        "open-mode": "append",
        "output": f"{log}.out",
        "partition": "gpu",
        "requeue": "",
        "signal": "USR2@180",
        "time": "720",
    }
    assert "--kill-on-bad-exit=1 --cpus-per-task=8" in done.stdout
    assert not Path("jobs").exists(), "nothing is written"


def test_files_that_are_not_here_are_told() -> None:
    Path("b.root").write_bytes(b"root")
    done = submit("run.yaml", "--train_path", "events.root", "--val_path", "b.root", "--dry-run")
    assert done.exit_code == 0
    line = "warning: data.train_path: no such file: events.root, seen from here; the job needs it on its node"
    assert done.stderr.splitlines() == [line]


def test_the_environment_is_that_of_the_architecture(tmp_path: Path) -> None:
    """Both branches of the script, run by a shell whose uname says what we want."""
    settings = yaml.safe_load(EXAMPLE.read_text())
    settings["environments"]["x86_64"] = {
        "python": str(tmp_path / "x86" / "python"),
        "setup": ["echo loaded"],
    }
    settings["environments"]["aarch64"] = {"python": str(tmp_path / "arm" / "python")}
    Path("cluster.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    done = submit("run.yaml", *DATA, "--cluster-file", "cluster.yaml", "--profile", "gh", "--dry-run")
    assert done.exit_code == 0, done.output
    programs = tmp_path / "programs"
    for path, text in (
        (programs / "uname", 'echo "$MACHINE"'),
        (programs / "srun", 'while [ "$1" != sh ]; do shift; done; exec "$@"'),
        (tmp_path / "x86" / "python", 'echo "x86 $*"'),
        (tmp_path / "arm" / "python", 'echo "arm $*"'),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    bash = shutil.which("bash") or "bash"

    def run(machine: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "MACHINE": machine}
        return subprocess.run([bash], input=done.stdout, env=environment, capture_output=True, text=True)

    called = "-u -m submitit.core._submit"
    assert run("x86_64").stdout.startswith(f"loaded\nx86 {called}")
    assert run("aarch64").stdout.startswith(f"arm {called}")
    other = run("riscv64")
    assert other.returncode == 2
    assert "is riscv64; cluster.yaml has environments for x86_64 and aarch64" in other.stderr
    (tmp_path / "arm" / "python").unlink()
    assert "xec: error: no Python" in run("aarch64").stderr


def test_variables_of_earlier_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "EPOCHS": "100",
        "LR": "1e-4",
        "TASKS": "angle energy",
        "BATCH": "1024",
        "EMA_DECAY": "0.99",
        "LOSS_BETA": "0.5",
        "ROOT_PATH": "data/*.root",
        "RESUME_FROM": "mae.pth",
        "NUM_GPUS": "4",
        "DRY_RUN": "1",
    }.items():
        monkeypatch.setenv(name, value)
    done = submit("run.yaml", "--val_path", "b.root", "--name", "x", "--epochs", "5")
    assert done.exit_code == 0, done.output
    assert options(done.stdout)["gpus-per-node"] == "4"
    notes = done.stderr.splitlines()
    assert "note: $EPOCHS is ignored: the command line says training.epochs" in notes
    assert "note: $TASKS is set: --tasks angle energy" in notes
    assert "note: $ROOT_PATH is set: --train-path 'data/*.root'" in notes
    assert "note: $NUM_GPUS is set: --gpus-per-node 4" in notes
    assert "note: $DRY_RUN is set: nothing is submitted" in notes


def test_variables_are_heeded_for_other_jobs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: pip install 'xec-train[scan]'")
    Path("space.yaml").write_text("{sampler: grid, space: {training.lr: [1.0e-3, 1.0e-2]}}")
    for name, value in {"EMA_DECAY": "0.99", "NUM_GPUS": "4", "DRY_RUN": "1"}.items():
        monkeypatch.setenv(name, value)
    done = submit("scan", "run.yaml", "space.yaml", *DATA, "--gpus-per-node", "1")
    assert done.exit_code == 0, (done.output, done.exception)
    assert options(done.stdout)["gpus-per-node"] == "1"
    assert done.stderr.splitlines() == [
        "note: $EMA_DECAY is set: --ema-decay 0.99",
        "note: $NUM_GPUS is ignored: the command line says --gpus-per-node 1",
        "note: $DRY_RUN is set: nothing is submitted",
    ]
    # A value that is wrong shows that it was taken.
    monkeypatch.setenv("EMA_DECAY", "7")
    done = submit("scan", "run.yaml", "space.yaml", *DATA)
    assert "training.ema_decay: found" in str(done.exception)
    done = submit("notebook")
    assert done.exit_code == 0, (done.output, done.exception)
    assert done.stderr.splitlines()[-1] == "note: $DRY_RUN is set: nothing is submitted"
    assert not Path("jobs").exists()
    assert not Path("scans").exists()


def test_variables_mean_the_keys_of_their_flags() -> None:
    from xec_train.cluster.variables import FLAG_OF_VARIABLE
    from xec_train.config.loading import load_config

    environment = {"EPOCHS": "7", "LR": "2e-4", "TASKS": "energy timing", "BATCH": "12", "MASK_RATIO": ""}
    words = read_variables(environment, ["run.yaml"]).words
    config = load_config("run.yaml", [*DATA, *words]).config
    assert (config.training.epochs, config.training.lr, config.data.batch_size) == (7, 2e-4, 12)
    assert set(config.enabled_tasks) == {"energy", "timing"}
    documented = {"EPOCHS", "LR", "TASKS", "BATCH", "MASK_RATIO", "ROOT_PATH", "EMA_DECAY", "LOSS_BETA"}
    assert documented | {"RESUME_FROM"} <= set(FLAG_OF_VARIABLE)
    assert read_variables({"DRY_RUN": "0"}, []).dry_run is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("run.yaml", *DATA, "training.epoch=3"),
            "training.epoch: unknown key (did you mean 'training.epochs'?)",
        ),
        (("run.yaml", *DATA, "--time", "soon"), "options: time: found 'soon', expected a time"),
        (("run.yaml", *DATA, "--profile", "gh"), "no profile 'gh'"),
        (
            ("run.yaml", *DATA, "--resume_from", "a.pth"),
            "expected --name, that of the run that goes on or a new one",
        ),
        (("run.yaml", *DATA, "--name", "taken"), "the run directory artifacts/taken exists already"),
        (("run.yaml", *DATA, "--name", "a/b"), "expected the name of a folder, without '/'"),
        (("other.yaml", *DATA), "no such configuration file: other.yaml"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_submitted(words: tuple[str, ...], message: str) -> None:
    Path("artifacts/taken").mkdir(parents=True)
    done = submit(*words)
    assert message in str(done.exception)
    assert not Path("jobs").exists()


def test_without_slurm_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = submit("run.yaml", *DATA)
    assert "no program 'sbatch' here" in str(done.exception)
    assert not Path("jobs").exists()


def test_what_sbatch_says_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    said = "sbatch: error: invalid partition specified: gpus\nsbatch: error: Batch job submission failed\n"
    (programs / "sbatch").write_text(f"#!/bin/sh\nprintf '{said}' >&2\nexit 1\n")
    (programs / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    done = submit("run.yaml", *DATA, "--partition", "gpus")
    expected = "sbatch: invalid partition specified: gpus; Batch job submission failed"
    assert str(done.exception) == expected
    assert "sbatch" not in done.stderr


def test_predictions_are_an_array_of_jobs_with_one_process_each() -> None:
    Path("events").mkdir()
    Path("model.onnx").touch()
    for name, size in (("a", 30), ("b", 20), ("c", 10), ("d", 1)):
        Path(f"events/{name}.root").write_bytes(b"x" * size)
    words = ["model.onnx", "events", "-o", "out", "--gpus-per-node", "4", "--jobs", "2", "--at-once", "1"]
    done = submit("predict", *words, "--tasks", "energy", "--dry-run")
    assert done.exit_code == 0, (done.output, done.exception)
    found = options(done.stdout)
    assert (found["array"], found["ntasks-per-node"], found["gpus-per-node"]) == ("0-1%1", "1", "1")
    assert found["job-name"] == "out"

    submission = prediction_submission(
        ["model.onnx", "events", "--tasks", "energy"], "out", Profile(), ClusterFile(), n_jobs=2
    )
    ends = ("--output", "out/", "--tasks", "energy")
    # The sizes of the files are shared out evenly.
    assert [work.words for work in submission.work] == [
        ("predict", "model.onnx", "events/a.root", "events/d.root", *ends),
        ("predict", "model.onnx", "events/b.root", "events/c.root", *ends),
    ]
