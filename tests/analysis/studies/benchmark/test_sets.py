"""The table of sets, and the numbers of events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.studies.benchmark.commands import Commands, Training
from xec_analysis.studies.benchmark.sets import SETS, SHOWERS, EventCounts, choose_sets
from xec_analysis.studies.demo_steps import FULL, demo_steps
from xec_data.reading.columns import read_columns


def test_run_numbers_and_seeds_are_distinct() -> None:
    assert len({events.run for events in SETS.values()}) == len(SETS)
    populations = {events.population.name: events.population for events in SETS.values()}
    seeds = [seed for population in populations.values() for seed in population.seeds]
    assert len(set(seeds)) == len(seeds)


def test_the_first_events_are_those_of_the_demo() -> None:
    simulations = [step.arguments for step in demo_steps(FULL) if step.arguments[:2] == ("data", "simulate")]
    commands = Commands(EventCounts(FULL.n_train, FULL.n_val, FULL.n_test), Training(5))
    ours = [
        commands.train_file(SHOWERS),
        commands.validation_file(SHOWERS),
        commands.test_file(SETS["showers"]),
    ]
    # Apart from the name of the file and the number of the run, which change no event.
    for demo, command in zip(simulations, ours, strict=True):
        assert demo[3:] == command.step.arguments[3 : len(demo)]
        assert command.step.arguments[len(demo) :] in (("--shower",), ("--shower", "--run", "3"))


def test_only_the_first_training_takes_an_hour() -> None:
    asked = {events.population.name: events.population.minutes(60) for events in SETS.values()}
    assert asked == {
        "showers": 60, "showers-52.8": 5, "points-52.8": 5, "points": 5, "showers-noise-free": 5,
    }  # fmt: skip
    assert {events.population.minutes(0.5) for events in SETS.values()} == {0.5}


def test_sets_are_chosen_by_name() -> None:
    assert choose_sets([]) == list(SETS.values())
    assert [events.name for events in choose_sets(["points,showers-dead", "showers"])] == [
        "showers",
        "showers-dead",
        "points",
    ]
    with pytest.raises(AnalysisError, match=r"--sets: unknown set 'shower' \(did you mean 'showers'"):
        choose_sets(["shower"])
    with pytest.raises(AnalysisError, match="--sets: found no name, expected one of showers, "):
        choose_sets([""])


@pytest.mark.parametrize(
    ("text", "counts"),
    [("64", (64, 1000, 5000)), ("64:32", (64, 32, 5000)), ("64:32:16", (64, 32, 16))],
)
def test_numbers_of_events(text: str, counts: tuple[int, int, int]) -> None:
    assert EventCounts.parse(text) == EventCounts(*counts)


@pytest.mark.parametrize("text", ["many", "", "1:2:3:4", "0", "5:-1", "1.5"])
def test_numbers_of_events_that_are_none(text: str) -> None:
    with pytest.raises(AnalysisError, match=f"--events: cannot read '{text}'; expected .* 20000:1000:5000"):
        EventCounts.parse(text)


@pytest.mark.usefixtures("done")
def test_a_set_with_dead_sensors_has_the_events_of_the_one_without(tmp_path: Path) -> None:
    commands = Commands(EventCounts(10, 10, 40), Training(5))
    (tmp_path / "events").mkdir()
    columns = []
    for name in ("points", "points-dead"):
        command = commands.test_file(SETS[name])
        command.work.run(tmp_path)
        columns.append(read_columns(tmp_path / command.step.makes[0]))
        assert set(columns[-1]["run"].tolist()) == {SETS[name].run}
    healthy, dead = columns
    np.testing.assert_array_equal(healthy["uvwTruth"], dead["uvwTruth"])
    assert dead["dead"].mean() == pytest.approx(0.02, abs=1e-3)
    alive = ~dead["dead"].astype(bool)
    np.testing.assert_array_equal(healthy["npho"][alive], dead["npho"][alive])
