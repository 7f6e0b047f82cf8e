"""The runs of an experiment, from their directories or from what the server knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.errors import TrainError
from xec_train.tracking.data_files import DataFile, read_data_files
from xec_train.tracking.experiment import fetch_experiment
from xec_train.tracking.metrics_file import read_metrics
from xec_train.tracking.mlflow_run import MlflowRun, Point
from xec_train.tracking.run_ids import RunIds

# MLflow's tables use what SQLAlchemy deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PARAMETERS = {
    "objective": "regression",
    "training.epochs": 2,
    "training.lr": 0.1,
    "data.val_path": ["v.root"],
    "checkpoint.resume_from": None,
    "checkpoint.save_dir": "artifacts",
}
DATA = DataFile("validation", "/data/v.root", "tree", 9, 7, 99, "abc")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with one experiment: a study without epochs, and two trainings of the same name."""
    folder = tmp_path_factory.mktemp("server")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    for number, name in enumerate(("study", "night", "night")):
        run = MlflowRun(uri, "energy", name)
        run.open(PARAMETERS, {}, started=1000 + number)
        run.add_data([DATA])
        if name == "night":
            for epoch in (1, 2):
                moment = 5000 * epoch
                run.log(
                    [Point("epoch", epoch, 10 * epoch, moment), Point("val_loss", 1 / 3, 10 * epoch, moment)]
                )
                run.log([Point("lr", 0.1 * epoch, 10 * epoch, moment)])
        (folder / "predictions_energy_night.csv").write_text("run,event\n1,2\n")
        run.add_files([folder / "predictions_energy_night.csv"])
        run.finish("FINISHED")
        (folder / f"id_{number}").write_text(str(run.run_id))
    return uri


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_runs_from_elsewhere_are_written_from_what_the_server_knows(server: str, tmp_path: Path) -> None:
    first, second = (RunDirectory.open(path) for path in fetch_experiment("energy", server, tmp_path / "x"))
    assert first.name == second.name == "night"
    assert first.path != second.path
    config = yaml.safe_load(first.config.read_text())
    assert config["training"] == {"epochs": 2, "lr": 0.1}
    assert config["checkpoint"]["resume_from"] is None
    assert config["data"]["val_path"] == ["v.root"]
    rows = [
        (row["epoch"], row["step"], row["metric"], float(row["value"])) for row in read_metrics(first.metrics)
    ]
    assert sorted(rows) == [
        ("1", "10", "lr", 0.1),
        ("1", "10", "val_loss", 1 / 3),
        ("2", "20", "lr", 0.2),
        ("2", "20", "val_loss", 1 / 3),
    ]
    (data,) = read_data_files(first.data_files)
    assert (data.use, data.path, data.kept, data.digest) == ("validation", "/data/v.root", 7, "abc")
    assert first.predictions("energy").read_text() == "run,event\n1,2\n"


def test_a_run_directory_on_this_machine_is_taken_itself(server: str, tmp_path: Path) -> None:
    folder = Path(server.removeprefix("sqlite:///")).parent
    # One that another training went on from, as the same run on the server.
    for name in ("night", "night-on"):
        directory = RunDirectory(Path("artifacts") / name)
        directory.path.mkdir(parents=True)
        directory.config.write_text("objective: regression\n")
        RunIds(directory.mlflow_runs).remember(server, (folder / "id_1").read_text())
    found = fetch_experiment("energy", server, tmp_path / "x")
    assert found[:2] == [Path("artifacts/night"), Path("artifacts/night-on")]
    assert tmp_path / "x" in found[2].parents
    assert len(found) == 3


def test_what_is_not_there_is_told(server: str, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"no experiment 'energie' on .* \(did you mean 'energy'\?\)"):
        fetch_experiment("energie", server, tmp_path)
    with pytest.raises(TrainError, match=r"no database of MLflow: .*mlflow\.db; expected another"):
        fetch_experiment("energy", None, tmp_path)
    with pytest.raises(TrainError, match="MLflow at nowhere at all does not give the experiment 'energy': "):
        fetch_experiment("energy", "nowhere at all", tmp_path)
    assert not (tmp_path / "mlflow.db").exists()
