"""The plots at the end of a training."""

from __future__ import annotations

from importlib.metadata import entry_points

import numpy as np
import pytest
from tests.displaced import displaced

from xec_analysis import AnalysisError, collect_results
from xec_analysis.events.event_losses import residuals_as_losses, stored_losses
from xec_analysis.events.worst_events import EventFiles, find_worst_events, residuals_text
from xec_analysis.plots.source import PlotSource
from xec_analysis.runs.run_artifact import plot_run
from xec_analysis.runs.run_comparison import runs_table
from xec_analysis.runs.training_curves import draw_training_curves, panels_of, read_metrics
from xec_geometry.cli.application import main
from xec_geometry.errors import XecError
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint

METRICS = """epoch,step,metric,value,timestamp
1,50,lr,0.001,2026-01-01T00:00:00
1,100,train_loss,2.5,2026-01-01T00:00:00
1,100,val_loss,2.6,2026-01-01T00:00:00
1,100,uvw_u_res_68pct,1.5,2026-01-01T00:00:00
1,100,val_resolution_deg,4.5,2026-01-01T00:00:00
2,150,lr,0.0005,2026-01-01T00:00:00
2,200,train_loss,1.5,2026-01-01T00:00:00
2,200,val_loss,1.7,2026-01-01T00:00:00
2,200,uvw_u_res_68pct,0.5,2026-01-01T00:00:00
2,200,val_resolution_deg,3.5,2026-01-01T00:00:00
"""


@pytest.fixture
def columns(make_columns):
    """Predictions for the first events of a file; entry 5 is far off, entry 2 quite."""
    columns = make_columns(60)
    columns["run"][:] = 5
    columns["event"] = np.arange(60, dtype=np.int32)
    columns["pred_u"][5] += 20.0
    columns["pred_v"][2] += 10.0
    return columns


@pytest.fixture
def run(tmp_path, columns, write_tree):
    folder = tmp_path / "night_3"
    folder.mkdir()
    (folder / "config.yaml").write_text("tasks: {}\n")
    (folder / "metrics.csv").write_text(METRICS)
    run = RunDirectory(folder)
    # Only two tasks: pages take time.
    unwanted = ("pred_theta", "pred_energy", "pred_vx", "pred_n_gamma")
    write_tree(run.validation_results, {name: columns[name] for name in columns if name not in unwanted})
    return run


@pytest.fixture
def files(events_file):
    return EventFiles([events_file])


def test_it_is_what_a_training_calls():
    (plugin,) = entry_points(group="xec.run_artifacts", name="plots")
    assert plugin.load() is plot_run


def test_profiles_and_curves_are_drawn(run):
    paths = plot_run(run.path)
    assert len(paths) == 5
    assert {run.plots / "metrics.json", run.plots / "metrics.csv"} <= set(paths)
    assert run.resolution_profile("timing") in paths
    assert run.resolution_profile("uvwFI") in paths
    assert run.plots / "training_curves_night_3.pdf" in paths
    assert sorted(run.plots.iterdir()) == sorted(paths)


def test_worst_events_are_left_out_without_the_files(run):
    run.config.write_text("data: {val_path: [gone.root]}\n")
    assert not [path for path in plot_run(run.path) if "worst" in path.name]
    (note,) = PlotSource(run.path).worst_events.notes
    assert note.startswith("no pictures of the worst events: ")
    assert "gone.root" in note


def test_without_losses_the_largest_residuals_are_the_worst(columns, tmp_path):
    losses = residuals_as_losses(collect_results(columns, "x", tmp_path))
    assert "uvwFI" in losses.meaning
    assert losses.worst_first[:2].tolist() == [5, 2]
    assert not losses.is_loss


def test_the_largest_loss_is_the_worst(columns, tmp_path, files):
    """Whatever the residuals; a loss that is no number is none."""
    columns["loss"] = np.arange(60.0)
    columns["loss"][[7, 11]] = 1000.0, np.nan
    columns["loss_uvwFI"] = np.full(60, 0.25)
    losses = stored_losses(columns)
    assert losses.worst_first[:3].tolist() == [7, 59, 58]
    assert len(losses.worst_first) == 59
    worst = find_worst_events(collect_results(columns, "x", tmp_path), losses, columns, files)
    assert [one.event.entry for one in worst.events] == [7, 59, 58]
    assert [one.number for one in worst.events] == [1, 2, 3]
    assert any(line.startswith("uvwFI 0.250, mean 0.250\n") for line in worst.events[0].lines)
    assert stored_losses({"pred_energy": columns["pred_energy"]}) is None


def test_worst_events_are_those_of_their_numbers(run, columns, files):
    results = collect_results(columns, "x", run.path)
    worst = find_worst_events(results, residuals_as_losses(results), columns, files)
    assert [one.event.entry for one in worst.events][:2] == [5, 2]
    text = "\n".join(worst.events[0].lines)
    assert "u off by +" in text
    assert "cm" in text
    np.testing.assert_allclose(worst.events[0].predicted.uvw[0], columns["pred_u"][5])
    assert worst.events[0].attention is None


def test_sensors_are_drawn_where_the_checkpoint_has_them(run, files, monkeypatch):
    import xec_analysis.events.worst_page as module

    assert PlotSource(run.path).geometry.is_nominal
    run.config.write_text(f"data: {{val_path: [{files.paths[0]}]}}\ngeometry: gone.txt\n")
    # A run that was copied without its checkpoints.
    assert PlotSource(run.path).geometry.is_nominal
    built = displaced()
    save_checkpoint(
        run.checkpoint_best,
        new_checkpoint(
            "regressor", {"model": {}, "geometry": "gone.txt"}, NetworkWeights({}), geometry=built
        ),
    )
    drawn = []
    monkeypatch.setattr(
        module, "draw_worst_event", lambda _worst, _one, path, table: (drawn.append(table), path)[1]
    )
    plot_run(run.path)
    assert drawn
    for table in drawn:
        np.testing.assert_array_equal(table.positions, built.positions)


def test_events_that_are_not_in_the_file_are_told(run, columns, files):
    columns["run"][:] = 6
    results = collect_results(columns, "x", run.path)
    worst = find_worst_events(results, residuals_as_losses(results), columns, files)
    assert worst.events == ()
    (note,) = worst.notes
    assert note.startswith("3 of the 3 worst events: no run and event number")


def test_a_run_without_predictions(tmp_path):
    (tmp_path / "config.yaml").write_text("tasks: {}\n")
    with pytest.raises(AnalysisError, match="no predictions in this run"):
        plot_run(tmp_path)


def test_metrics_are_read_as_curves(run):
    curves = read_metrics(run.metrics)
    assert curves["val_loss"].epoch.tolist() == [1, 2]
    assert curves["val_loss"].value.tolist() == [2.6, 1.7]


def test_the_accuracy_of_a_classification_is_a_curve(run, tmp_path, written_texts):
    with run.metrics.open("a") as file:
        file.writelines(f"{epoch},9,n_gamma_accuracy,{0.2 * epoch},\n" for epoch in (1, 2))
    (panel,) = (panel for panel in panels_of(read_metrics(run.metrics)) if panel.rising)
    assert dict(panel.metrics) == {"n_gamma_accuracy": "validation"}
    assert (panel.label, panel.factor) == (r"right $n_\gamma$ [%]", 100.0)
    draw_training_curves(run, tmp_path / "curves.png")
    assert panel.label in written_texts[-1]


def test_the_best_accuracy_is_the_largest(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yaml").write_text("tasks: {}\n")
    for folder, values in ((run.path, (0.5, 0.7)), (other, (0.6, 0.4))):
        lines = [f"{epoch},9,n_gamma_accuracy,{value}," for epoch, value in enumerate(values, start=1)]
        (folder / "metrics.csv").write_text("\n".join(["epoch,step,metric,value,timestamp", *lines]))
    table = runs_table({"one": run, "two": RunDirectory(other)})
    assert [list(column.cells) for column in table.columns[1:]] == [["[bold]70.0[/]"], ["60.0"]]


def test_a_wrong_class_is_said(columns, tmp_path):
    columns["pred_n_gamma"] = columns["n_gamma"].copy()
    columns["n_gamma"][7], columns["pred_n_gamma"][7] = 0, 4
    results = collect_results(columns, "x", tmp_path, ["n_gamma"])
    losses = residuals_as_losses(results)
    assert "n_gamma" in losses.meaning
    assert losses.worst_first[0] == 7
    assert residuals_text(results.tasks["n_gamma"], 7) == "n_gamma 4 instead of 0"


def test_a_line_that_was_cut_off_is_no_obstacle(run):
    with run.metrics.open("a") as file:
        file.write("3,250,lr,")
    assert read_metrics(run.metrics)["lr"].epoch.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n", "no column 'epoch'; found 'a', 'b'"),
        ("epoch,metric,val\tue\n1,lr,1\n", r"no column 'value'; found 'epoch', 'metric', 'val\\tue'"),
        ("epoch,metric,value\ninf,lr,1\n", "line 2: an epoch is 'inf', expected a number"),
        ("epoch,metric,value\n1,lr," + "9" * 200_000 + "\n", "line 1: field larger than field limit"),
        ("epoch,metric,value\n1,lr,high\n", "line 2: could not convert string to float"),
        ("epoch,metric,value\n1,other,2.0\n", "no losses or resolutions in it; found other"),
    ],
)
def test_bad_metrics(run, tmp_path, text, complaint):
    run.metrics.write_text(text)
    with pytest.raises(AnalysisError, match=complaint):
        draw_training_curves(run, tmp_path / "curves.pdf")
    assert not (tmp_path / "curves.pdf").exists()


def test_metrics_that_are_no_text(run):
    run.metrics.write_bytes(METRICS.encode() + b"2,200,val_loss,\xff\n")
    with pytest.raises(AnalysisError, match=r"metrics\.csv: not a text file: invalid start byte at byte"):
        read_metrics(run.metrics)


def test_the_number_in_a_line_that_was_cut_off_does_not_count(run):
    run.metrics.write_text(f"{METRICS}3,300,val_loss,1.2")
    assert read_metrics(run.metrics)["val_loss"].epoch.tolist() == [1, 2]


def test_a_row_without_a_metric_is_no_metric(run):
    run.metrics.write_text("epoch,value,metric\n1,0.5,lr\n2,0.4\n")
    assert list(read_metrics(run.metrics)) == ["lr"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("data: 3", "'data' of its configuration is 3; expected a section"),
        ("data: {val_path: 3}", "data.val_path of the configuration is 3; expected text"),
        ("data: {val_path: [x, 3]}", r"data.val_path of the configuration is \['x', 3\]"),
        ("data: {val_path: x, tree_name: [a]}", r"data.tree_name of the configuration is \['a'\]"),
        ("[" * 5000, "config.yaml: not a YAML file"),
        ("data: 2026-13-45", "config.yaml: not a YAML file: month must be in 1..12"),
        ("data: " + "9" * 5000, "config.yaml: not a YAML file: Exceeds the limit"),
    ],
)
def test_a_configuration_that_was_changed(run, text, complaint):
    run.config.write_text(text)
    with pytest.raises(XecError, match=complaint):
        _ = PlotSource(run.path).contents


def test_the_plot_command_draws_the_same_as_a_training(run, events_file, capsys):
    run.config.write_text(f"data:\n  val_path: [{events_file}]\n  tree_name: tree\n")
    drawn = plot_run(run.path)
    # With the files of the validation at hand, the worst events too.
    assert {run.event_display(number) for number in (1, 2, 3)} <= set(drawn)
    at_the_end = sorted(path.name for path in drawn)
    with pytest.raises(SystemExit) as end:
        main(["plot", str(run.path), "-o", str(run.path / "again")])
    assert end.value.code in (0, None)
    assert sorted(path.name for path in (run.path / "again").iterdir()) == at_the_end
    assert str(run.path / "again" / "worst_event_1_night_3.pdf") in capsys.readouterr().out


def test_the_plot_command_on_a_run(run, capsys):
    with pytest.raises(SystemExit) as end:
        main(["plot", str(run.path), "--task", "timing", "-f", "png"])
    assert end.value.code in (0, None)
    assert sorted(path.name for path in run.plots.iterdir()) == [
        "metrics.csv",
        "metrics.json",
        "resolution_profile_timing_night_3.png",
        "resolution_profile_timing_night_3_2.png",
        "training_curves_night_3.png",
    ]
    assert "events: 60" in capsys.readouterr().out
