"""The comparison sees what differs, where, and how much it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.onnx.parity import Predict, compare
from xec_export.onnx.parity_events import DAMAGES, N_EVENTS, ParityEvents, comparison_cases, damaged_events
from xec_geometry import N_SENSORS, face_ids

Floats = NDArray[np.float32]

DESCRIPTION = ModelDescription(
    kind="regressor",
    name="toy",
    outputs=(OutputDescription("uvwFI", "uvwFI", ("u", "v", "w"), "cm", (10.0, 40.0, 0.5), "position"),),
    npho_branch="npho",
    time_branch="relative_time",
    n_sensors=N_SENSORS,
    layout="physical",
    geometry_hash="",
    normalization={},
    versions={},
)


@pytest.fixture
def events(make_events: Callable[..., dict[str, Floats]]) -> ParityEvents:
    arrays = make_events(N_EVENTS)
    return ParityEvents(arrays["npho"], arrays["relative_time"], "random numbers")


def toy(npho: Floats, time: Floats) -> dict[str, Floats]:
    """A 'network' with small outputs; column v is twice as large as u and w."""
    counts = np.where(np.abs(npho) < 9e9, npho, 0.0).mean(axis=1)
    times = np.where(np.abs(time) < 9e9, time, 0.0).mean(axis=1) * 1e7
    return {"uvwFI": np.stack([counts / 1000, 2 * times, times], axis=1).astype(np.float32)}


def changed(change: Callable[[Floats, Floats], Floats]) -> Predict:
    """The toy with a change that may depend on the counts."""

    def predict(npho: Floats, time: Floats) -> dict[str, Floats]:
        return {"uvwFI": change(toy(npho, time)["uvwFI"], npho)}

    return predict


def test_equal_predictions_pass(events: ParityEvents) -> None:
    report = compare(toy, toy, DESCRIPTION, events)
    assert report.passed
    assert report.worst.relative == 0.0
    assert [row.column for row in report.differences] == ["u", "v", "w"]
    assert report.n_events == 1 + 3 + 64 + 3 * len(DAMAGES)


def test_differences_are_relative_to_the_scale_of_each_column(events: ParityEvents) -> None:
    shifted = changed(lambda out, _: out + np.float32([1e-2, 1e-2, 1e-2]))
    report = compare(toy, shifted, DESCRIPTION, events, tolerance=1e-3)
    u, v, w = report.differences
    assert u.absolute == pytest.approx(1e-2, rel=1e-3)
    assert (u.scale, v.scale, w.scale) == pytest.approx((10.0, 40.0, 0.5), rel=0.5)
    assert v.relative < u.relative < w.relative
    assert report.worst is w
    assert not report.passed
    assert compare(toy, shifted, DESCRIPTION, events, tolerance=0.1).passed


@pytest.mark.parametrize("size", [1, 3, 64])
def test_every_batch_size_is_tried(events: ParityEvents, size: int) -> None:
    wrong = changed(lambda out, npho: out + (5.0 if len(npho) == size else 0.0))
    report = compare(toy, wrong, DESCRIPTION, events)
    assert not report.passed
    assert size == 3 or report.worst.case == f"batch {size}"


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_damage_is_seen_and_named(events: ParityEvents, kind: str) -> None:
    # A graph that is wrong for just these readings.
    damaged = damaged_events(events)[kind][0]

    def change(out: Floats, npho: Floats) -> Floats:
        same = npho.shape == damaged.shape and np.array_equal(npho, damaged, equal_nan=True)
        return out + (5.0 if same else 0.0)

    report = compare(toy, changed(change), DESCRIPTION, events)
    assert not report.passed
    assert report.worst.case == kind


def test_a_value_that_is_not_finite_on_one_side_is_no_small_difference(events: ParityEvents) -> None:
    broken = changed(lambda out, npho: np.where(np.isnan(npho).any(axis=1)[:, None], np.nan, out))
    report = compare(toy, broken, DESCRIPTION, events, tolerance=1e6)
    assert report.worst.absolute == np.inf
    assert not report.passed
    assert compare(broken, broken, DESCRIPTION, events).passed


def test_damage_is_what_it_is_called(events: ParityEvents) -> None:
    damaged = damaged_events(events)
    npho, time = damaged["all 1e10"]
    assert (npho == np.float32(1e10)).all()
    assert (time == np.float32(1e10)).all()
    assert np.isneginf(damaged["some -inf"][0]).mean() == pytest.approx(0.1, abs=0.02)
    assert np.isnan(damaged["all NaN"][1]).all()
    assert damaged["negative counts"][0].min() < -1e4
    dead = damaged["inner face dead"][0] == np.float32(1e10)
    assert dead[:, face_ids("inner")].all()
    assert not dead.all()


def test_damage_leaves_the_events_alone(events: ParityEvents) -> None:
    before = events.npho.copy(), events.time.copy()
    damaged_events(events)
    np.testing.assert_array_equal(events.npho, before[0])
    np.testing.assert_array_equal(events.time, before[1])


def test_gaps_alone_prove_nothing(events: ParityEvents) -> None:
    nothing = changed(lambda values, _: np.full_like(values, np.nan))
    with pytest.raises(
        ExportError, match=r"random numbers: none of the 64 events compared has a finite 'uvwFI'"
    ):
        compare(nothing, nothing, DESCRIPTION, events)


INPAINTER = replace(
    DESCRIPTION,
    kind="inpainter",
    inputs=("npho", "time", "dead"),
    outputs=(
        OutputDescription(
            "npho_inpainted", "npho", ("npho",), "photons", (1.0,), "", shape=(N_SENSORS,), copies="npho"
        ),
        OutputDescription(
            "time_inpainted",
            "time",
            ("time",),
            "s",
            (1e-9,),
            "",
            shape=(N_SENSORS,),
            copies="time",
            needs=("npho_inpainted", 100.0),
        ),
    ),
)


def recovering(counts: float) -> Predict:
    """A toy inpainter that gives dead sensors one count, and a time if that is at least 100."""

    def predict(npho: Floats, time: Floats, dead: Floats) -> dict[str, Floats]:
        late = np.float32(1e-8 if counts >= 100 else 1e10)
        return {
            "npho_inpainted": np.where(dead != 0, np.float32(counts), npho),
            "time_inpainted": np.where(dead != 0, late, time),
        }

    return predict


def test_readings_that_pass_through_hide_no_difference(events: ParityEvents) -> None:
    report = compare(recovering(200.0), recovering(201.0), INPAINTER, events)
    counts, times = report.differences
    assert (counts.absolute, times.absolute) == (1.0, 0.0)
    # Not the 1e10 of an invalid reading.
    assert 100 < counts.scale < 2000
    assert not report.passed


def test_rounding_may_decide_whether_a_time_is_valid(events: ParityEvents) -> None:
    assert compare(recovering(100.0), recovering(99.999), INPAINTER, events).passed
    assert compare(recovering(101.0), recovering(99.0), INPAINTER, events).differences[1].absolute > 9e9


def test_inputs_that_events_do_not_have_are_drawn(events: ParityEvents) -> None:
    cases = comparison_cases(INPAINTER.inputs, events)
    fractions = {name: float((dead != 0).mean()) for name, (_, _, dead) in cases.items() if len(dead)}
    assert fractions["batch 64"] == pytest.approx(0.05, abs=0.01)
    assert (fractions["none dead"], fractions["all dead"]) == (0, 1)
    assert len(cases["batch 0"][2]) == 0
    again = comparison_cases(INPAINTER.inputs, events)
    np.testing.assert_array_equal(cases["batch 3"][2], again["batch 3"][2])
