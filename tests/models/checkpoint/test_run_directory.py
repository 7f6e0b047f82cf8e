import pytest

from xec_data.errors import DataError
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.errors import RunDirectoryError


def test_names_are_the_contract(tmp_path):
    run = RunDirectory(tmp_path / "first")
    names = [
        run.config,
        run.checkpoint_best,
        run.checkpoint_last,
        run.metrics,
        run.predictions("angle"),
        run.validation_results,
        run.onnx,
        run.onnx_description,
        run.resolution_profile("uvwFI"),
        run.saliency_profile,
        run.event_display(3),
    ]
    # The list of the design's page on the run directory.
    assert [str(path.relative_to(run.path)) for path in names] == [
        "config.yaml",
        "checkpoint_best.pth",
        "checkpoint_last.pth",
        "metrics.csv",
        "predictions_angle_first.csv",
        "validation_results_first.root",
        "first.onnx",
        "first.json",
        "plots/resolution_profile_uvwFI_first.pdf",
        "plots/saliency_profile_first.pdf",
        "plots/worst_event_3_first.pdf",
    ]


def test_open_finds_what_a_training_wrote(tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text("objective: regression\n")
    assert RunDirectory.open(tmp_path).name == tmp_path.name
    monkeypatch.chdir(tmp_path)
    assert RunDirectory.open(".").name == tmp_path.name


def test_open_refuses_anything_else(tmp_path):
    with pytest.raises(RunDirectoryError, match="no such run directory"):
        RunDirectory.open(tmp_path / "none")
    with pytest.raises(RunDirectoryError, match=r"holds no config\.yaml"):
        RunDirectory.open(tmp_path)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RunDirectoryError, match="is a file"):
        RunDirectory.open(file)
    with pytest.raises(DataError, match="unknown task"):
        RunDirectory(tmp_path).predictions("energie")


def test_a_configuration_alone_is_no_result(tmp_path):
    (tmp_path / "config.yaml").touch()
    assert not RunDirectory(tmp_path).has_results
    (tmp_path / "metrics.csv").touch()
    assert RunDirectory(tmp_path).has_results
