"""Runs that go on from one another are one curve."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xec_analysis.comparison.compared_run import label_runs
from xec_analysis.comparison.lineage import lineages
from xec_models.checkpoint.run_directory import RunDirectory

MakeRun = Callable[..., RunDirectory]


def resumed(path: str) -> dict[str, dict[str, str]]:
    return {"checkpoint": {"resume_from": path}}


def test_a_resumed_run_continues_the_epochs(make_run: MakeRun) -> None:
    first = make_run("first", {"val_loss": [5, 4, 3]})
    # What is told before the first epoch has the number of the last one.
    later = make_run("later", {"val_loss": [2, 1]}, resumed(str(first.checkpoint_last)), first=3)
    with later.metrics.open("a") as file:
        file.write("2,2,val_events_kept,7,2026-01-01T00:00:00\n")
    (one,) = lineages(label_runs([later, first]))
    assert one.label == "first → later"
    assert one.curves["val_loss"].epoch.tolist() == [1, 2, 3, 4]
    assert one.curves["val_loss"].value.tolist() == [5, 4, 2, 1]
    assert one.seams == (2,)


@pytest.mark.parametrize(
    ("checkpoint", "epochs", "values"),
    [
        ("checkpoint_last.pth", [1, 2, 3, 4, 5], [5, 3, 4, 2, 1]),
        # The best one is that of epoch 2: what came later is no part of it.
        ("checkpoint_best.pth", [1, 2, 3, 4], [5, 3, 2, 1]),
    ],
)
def test_a_run_from_weights_begins_where_they_were_saved(
    make_run: MakeRun, checkpoint: str, epochs: list[int], values: list[float]
) -> None:
    first = make_run("first", {"val_loss": [5, 3, 4]})
    warm = make_run("warm", {"val_loss": [2, 1]}, resumed(f"/elsewhere/first/{checkpoint}"))
    (one,) = lineages(label_runs([first, warm]))
    assert one.curves["val_loss"].epoch.tolist() == epochs
    assert one.curves["val_loss"].value.tolist() == values


def test_two_runs_may_go_on_from_one(make_run: MakeRun) -> None:
    runs = [make_run("root", {"val_loss": [3]})]
    runs += [make_run(name, {"val_loss": [2]}, resumed("artifacts/root")) for name in ("left", "right")]
    runs.append(make_run("leaf", {"val_loss": [1]}, resumed("artifacts/left/checkpoint_last.pth")))
    found = {one.label: one.curves["val_loss"].value.tolist() for one in lineages(label_runs(runs))}
    assert found == {"root → right": [3, 2], "root → left → leaf": [3, 2, 1]}


def test_runs_that_name_each_other_are_drawn_alone(make_run: MakeRun) -> None:
    one = make_run("one", {"val_loss": [3]}, resumed("artifacts/two"))
    two = make_run("two", {"val_loss": [2]}, resumed("artifacts/one"))
    assert [lineage.label for lineage in lineages(label_runs([one, two]))] == ["one", "two"]


def test_a_checkpoint_of_a_run_that_is_not_there_is_no_parent(make_run: MakeRun) -> None:
    runs = [make_run("a", {"val_loss": [3]}), make_run("b", {"val_loss": [2]}, resumed("gone/c.pth"))]
    assert [lineage.label for lineage in lineages(label_runs(runs))] == ["a", "b"]
