"""Studies without trainings: what is chosen, and what becomes of trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from xec_train.scan.errors import NothingCompletedError
from xec_train.scan.liveness import Presence, is_alive
from xec_train.scan.progress import Scan
from xec_train.scan.results import write_table
from xec_train.scan.samplers import SAMPLERS, SamplerEntry
from xec_train.scan.standing import trials_in_words
from xec_train.scan.storage import open_storage
from xec_train.scan.study import LOST, Queue
from xec_train.scan.workers import _gpu

Study = Callable[..., Scan]
RATE, DROP = "training.lr", "model.drop_path_rate"


def parabola(values: dict[str, Any]) -> float:
    """Smallest, 0, at a rate of 1e-3 and a drop of 0.3."""
    return (math.log10(values[RATE]) + 3) ** 2 + (values[DROP] - 0.3) ** 2


def search(scan: Scan, value: Callable[[dict[str, Any]], float] = parabola) -> list[dict[str, Any]]:
    """Try all trials; return what was chosen."""
    chosen = []
    while (queue := scan.begin_next()) is not None:
        taken = queue.take("somebody")
        assert taken is not None
        study, trial = taken
        chosen.append(queue.values(trial))
        study.tell(trial, value(chosen[-1]))
    return chosen


SPACE = {RATE: {"low": 1e-6, "high": 1.0, "log": True}, DROP: {"low": 0.0, "high": 0.9}}


@pytest.mark.parametrize(
    ("sampler", "trials", "distance"),
    [("tpe", 60, 0.05), ("qmc", 64, 0.3), ("random", 64, 0.5), ("gp", 20, 0.02)],
)
def test_a_sampler_finds_a_minimum(study: Study, sampler: str, trials: int, distance: float) -> None:
    scan = study(trials=trials, sampler=sampler, space=SPACE)
    assert len(search(scan)) == trials
    best = scan.queues[0].best()
    assert best is not None
    assert best.value < distance
    assert abs(best.params[DROP] - 0.3) < math.sqrt(distance)


def test_the_largest_value_is_found_where_that_is_wanted(study: Study) -> None:
    scan = study(trials=40, direction="maximize", space=SPACE)
    search(scan, lambda values: 2 - parabola(values))
    best = scan.queues[0].best()
    assert best is not None
    assert best.value > 1.9


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_seed_chooses(study: Study, sampler: str) -> None:
    chosen = {seed: search(study(trials=15, sampler=sampler, seed=seed, space=SPACE)) for seed in (0, 1)}
    assert search(study(trials=15, sampler=sampler, seed=1, space=SPACE)) == chosen[1]
    assert chosen[0] != chosen[1]
    assert len({values[RATE] for values in chosen[1]}) == 15


def test_what_is_chosen_at_random_does_not_depend_on_the_order_of_ends(study: Study) -> None:
    scan, one_by_one = (
        study(trials=6, sampler="random", space=SPACE),
        study(trials=6, sampler="random", space=SPACE),
    )
    (queue,) = scan.queues
    scan.begin_next()
    with Presence(scan.folder.workers) as worker:
        taken = [queue.take(worker.name) for _ in range(6)]
    together = [queue.values(pair[1]) for pair in taken if pair is not None]
    assert together == search(one_by_one)


def test_a_grid_is_tried_exactly_once(study: Study) -> None:
    """Also by workers that take their trials at the same time."""
    rates, drops = [1e-4, 1e-3, 1e-2], [0.1, 0.3]
    scan = study(kept="journal", sampler="grid", space={RATE: rates, DROP: drops})
    scan.begin_next()
    chosen: list[dict[str, Any]] = []

    def take_all() -> None:
        # As a process of its own opens it.
        path = str(next(scan.folder.path.parents[1].glob("*.log")))
        queue = Queue(scan.folder, open_storage(path), scan.record.space, scan.record.space.searches[0])
        with Presence(scan.folder.workers) as worker:
            while (taken := queue.take(worker.name)) is not None:
                values = queue.values(taken[1])
                chosen.append(values)
                taken[0].tell(taken[1], parabola(values))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(take_all) for _ in range(3)]:
            done.result()
    pairs = [(values[RATE], values[DROP]) for values in chosen]
    assert sorted(pairs) == list(itertools.product(rates, drops))
    best = scan.queues[0].best()
    assert best is not None
    assert (best.params[RATE], best.params[DROP]) == (1e-3, 0.3)
    assert scan.begin_next() is None


def test_a_sampler_of_another_package(study: Study) -> None:
    def edges() -> Callable[..., optuna.samplers.BaseSampler]:
        return lambda seed, n_candidates: optuna.samplers.TPESampler(seed=seed, n_ei_candidates=n_candidates)

    SAMPLERS.register(SamplerEntry("edges", edges, "of another package"))
    try:
        scan = study(trials=3, sampler={"name": "edges", "n_candidates": 5}, space=SPACE)
        assert len(search(scan)) == 3
    finally:
        SAMPLERS.unregister("edges")


def test_lists_and_null_are_choices(study: Study) -> None:
    pools = [[3, 3], [2, 2], None]
    scan = study(sampler="grid", space={"model.outer_fine_pool": pools})
    chosen = search(scan, lambda values: float(len(values["model.outer_fine_pool"] or [])))
    assert [values["model.outer_fine_pool"] for values in chosen] == pools


def test_a_chain_goes_on_from_the_best(study: Study) -> None:
    scan = study(
        sampler="grid",
        steps=[
            {"name": "rate", "space": {RATE: [1e-4, 1e-3, 1e-2]}, "settings": {DROP: 0.0}},
            {"name": "drop", "space": {DROP: [0.1, 0.3, 0.5]}},
            {"name": "epochs", "from_best": "weights", "space": {"training.epochs": [7]}},
            {"name": "anew", "from_best": "nothing", "space": {"training.epochs": [8]}},
        ],
    )
    chosen = search(scan, lambda values: parabola({RATE: 1.0, DROP: 0.0, **values}))
    assert [values[RATE] for values in chosen[:6]] == [1e-4, 1e-3, 1e-2, 1e-3, 1e-3, 1e-3]
    best = f"{scan.folder.runs}/study-drop-001/checkpoint_best.pth"
    # Settings are those of their step alone.
    assert chosen[3] == {RATE: 1e-3, DROP: 0.1}
    start = {"checkpoint.resume_from": best, "checkpoint.reset_epoch": True}
    assert chosen[6] == {RATE: 1e-3, DROP: 0.3, "training.epochs": 7, **start}
    assert chosen[7] == {"training.epochs": 8}


def test_more_trials_are_added_to_those_that_are_done(study: Study) -> None:
    scan = study(trials=3, space=SPACE)
    first = search(scan)
    larger = study(trials=5, space=SPACE)
    more = Scan(
        scan.folder,
        larger.record,
        (Queue(scan.folder, scan.queues[0].storage, larger.record.space, larger.record.space.searches[0]),),
    )
    assert [*first, *search(more)] == search(study(trials=5, space=SPACE))


@pytest.mark.parametrize("kept", ["journal", "database"])
def test_a_trial_whose_worker_is_gone_is_tried_again_with_the_same_values(study: Study, kept: str) -> None:
    scan = study(kept=kept, trials=1, retries=2, space=SPACE)
    queue = scan.begin_next()
    assert queue is not None
    seen = []
    for lost in range(3):
        with Presence(scan.folder.workers) as gone:
            taken = queue.take(gone.name)
            assert taken is not None
            assert is_alive(scan.folder.workers, gone.name)
            # While it lives nobody takes its trial.
            assert queue.take("another") is None
        assert not is_alive(scan.folder.workers, gone.name)
        seen.append(queue.values(taken[1]))
        assert queue.trials()[0].user_attrs.get(LOST, 0) == lost
    assert seen[0] == seen[1] == seen[2]
    # Twice is what `retries` says.
    assert queue.take("another") is None
    (trial,) = queue.trials()
    assert trial.state == optuna.trial.TrialState.FAIL
    with pytest.raises(
        NothingCompletedError, match="the only trial failed; trial 0: its worker was killed or lost"
    ):
        scan.check_completed()


def test_a_step_without_a_best_trial_ends_the_chain(study: Study) -> None:
    scan = study(trials=1, steps=[{"name": "a", "space": SPACE}, {"name": "b", "space": SPACE}])
    queue = scan.begin_next()
    assert queue is not None
    taken = queue.take("somebody")
    assert taken is not None
    taken[0].tell(taken[1], state=optuna.trial.TrialState.FAIL)
    with pytest.raises(NothingCompletedError, match="the only trial of step 'a' failed"):
        scan.begin_next()


def test_how_far_a_study_is_is_read_from_its_table(study: Study) -> None:
    scan = study(
        trials=2, steps=[{"name": "first", "space": SPACE}, {"name": "second", "trials": 3, "space": SPACE}]
    )
    settings = {"data": {"train_path": ["a.root"], "val_path": ["b.root"]}}
    scan = replace(scan, record=scan.record.model_copy(update={"settings": settings}))
    assert trials_in_words(scan.folder) == ""

    def try_one() -> str:
        queue = scan.begin_next()
        assert queue is not None
        taken = queue.take("somebody")
        assert taken is not None
        taken[0].tell(taken[1], 1.0)
        write_table(scan)
        return trials_in_words(scan.folder)

    assert [try_one() for _ in range(3)] == [
        "step first: 1 of 2 trials",
        "step first: 2 of 2 trials",
        "step second: 1 of 3 trials",
    ]


def test_each_worker_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("xec_train.scan.workers._DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _gpu(1) == {}
    # As in a container with two of eight: for CUDA these are 0 and 1.
    for name in ("nvidia2", "nvidia5", "nvidiactl"):
        (tmp_path / name).touch()
    assert [_gpu(number)["CUDA_VISIBLE_DEVICES"] for number in (1, 2, 3)] == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    assert _gpu(2) == {"CUDA_VISIBLE_DEVICES": "GPU-b"}
