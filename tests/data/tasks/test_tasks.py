"""The table of tasks."""

from __future__ import annotations

import numpy as np
import pytest

from xec_data.errors import DataError
from xec_data.schema.branches import SCHEMA, SENSOR_BRANCHES
from xec_data.tasks.measures import distance, opening_angle
from xec_data.tasks.output import Output
from xec_data.tasks.table import RECONSTRUCTIONS, TASKS, needed_branches, plausible_ranges, purposes
from xec_data.tasks.task import Task, Truth

TWIN = Task("twin", "the same truth", (Output("twin", "GeV"),), Truth(("energyTruth",)), "l1")


def test_truth_is_a_table_with_one_column_an_output():
    rng = np.random.default_rng(0)
    arrays = {"emiAng": rng.random((5, 2)), "energyTruth": rng.random(5), "uvwTruth": rng.random((5, 3))}
    np.testing.assert_array_equal(TASKS["angle"].true_values(arrays), arrays["emiAng"])
    np.testing.assert_array_equal(TASKS["energy"].true_values(arrays), arrays["energyTruth"][:, None])
    np.testing.assert_array_equal(TASKS["uvwFI"].true_values(arrays), arrays["uvwTruth"])


def test_truth_may_be_derived_from_several_branches():
    task = Task(
        "flight", "path of the photon", (Output("path", "cm"),),
        Truth(("xyzTruth", "xyzVTX"), lambda arrays: distance(arrays["xyzTruth"], arrays["xyzVTX"])), "l1",
    )  # fmt: skip
    arrays = {"xyzTruth": np.array([[3.0, 4.0, 1.0]]), "xyzVTX": np.array([[0.0, 0.0, 1.0]])}
    np.testing.assert_array_equal(task.true_values(arrays), [[5.0]])


def test_mistakes_are_named():
    with pytest.raises(DataError, match=r"unknown task 'angel'.*did you mean 'angle'"):
        TASKS.get_named("angel")
    with pytest.raises(DataError, match="needs the branch 'energyTruth'"):
        TASKS["energy"].true_values({"emiAng": np.zeros((1, 2))})
    with pytest.raises(DataError, match="3 columns, expected 2"):
        TASKS["angle"].true_values({"emiAng": np.zeros((4, 3))})
    with pytest.raises(DataError, match="3 columns, expected 1"):
        Task("tiny", "something", (Output("x", "cm"),), Truth(("xyzTruth",)), "l1")
    with pytest.raises(
        DataError, match=r"needs the branch 'energyTrut', which the schema does not have \(did"
    ):
        Task("bad", "", (Output("x"),), Truth(("energyTrut",)), "l1")
    with pytest.raises(DataError, match="each name once"):
        Task("bad", "", (Output("x"), Output("x")), Truth(("energyTruth",)), "l1")


@pytest.mark.parametrize("name", ["", "a b", "a.b", "_a", "3d", "a-b"])
def test_names_can_stand_in_keys_and_branches(name):
    with pytest.raises(DataError, match="begins with a letter"):
        Output(name)
    with pytest.raises(DataError, match="begins with a letter"):
        Task(name, "", (Output("x"),), Truth(("energyTruth",)), "l1")


def test_a_residual_is_one_of_the_table_and_angles_have_their_units():
    with pytest.raises(DataError, match=r"residual 'ratios' \(did you mean 'ratio'\?\)"):
        Output("x", residual="ratios")
    with pytest.raises(DataError, match="in 'mrad', expected the unit deg or rad"):
        Output("x", "mrad", residual="angle")


@pytest.mark.parametrize(("n_classes", "outputs"), [(1, ("x",)), (3, ("x", "y"))])
def test_a_classification_has_one_output_and_at_least_two_classes(n_classes, outputs):
    with pytest.raises(DataError, match="at least two classes and one output"):
        Task(
            "bad", "", tuple(map(Output, outputs)), Truth(("energyTruth",)), "cross_entropy",
            n_classes=n_classes,
        )  # fmt: skip


def test_truth_has_branches():
    with pytest.raises(DataError, match="its truth has no branches"):
        Task("bad", "", (Output("x"),), Truth(()), "l1")


def _fails(_arrays):
    raise ValueError("no luck\nand much advice")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_fails, "the function of its truth fails: ValueError: no luck$"),
        (
            lambda arrays: arrays["energyTruth"][1:],
            r"float64 of shape \(3,\), expected numbers of shape \(4, 1\)",
        ),
        (lambda _: 3.0, r"float64 of shape \(\)"),
        (lambda arrays: ["a"] * len(arrays["energyTruth"]), "<U1 of shape"),
    ],
)
def test_a_function_that_gives_no_truth_is_named(function, message):
    task = Task("bad", "", (Output("x"),), Truth(("energyTruth",), function), "l1")
    with pytest.raises(DataError, match=f"task 'bad': .*{message}"):
        task.true_values({"energyTruth": np.zeros(4)})


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [("mine", "theta", "'theta' is one of the task 'angle'"), ("mae", "x", "'mae' is taken by an objective")],
)
def test_a_task_whose_results_would_mix_with_others_is_refused(name, output, message):
    with pytest.raises(DataError, match=message):
        TASKS.register(Task(name, "", (Output(output),), Truth(("energyTruth",)), "l1"))
    assert name not in TASKS


def test_names_of_outputs_are_given_once():
    names = [output for task in TASKS.values() for output in task.output_names]
    assert len(set(names)) == len(names)


def test_every_purpose_needs_the_readings():
    assert purposes() == (*TASKS, *RECONSTRUCTIONS)
    for purpose in purposes():
        assert set(SENSOR_BRANCHES) <= set(needed_branches(purpose)) <= set(SCHEMA)
    assert set(needed_branches("uvwFI")) == {*SENSOR_BRANCHES, "uvwTruth"}
    assert set(needed_branches("mae")) == set(SENSOR_BRANCHES)


def test_plausible_ranges_are_those_of_the_outputs():
    assert plausible_ranges()["energyTruth"] == ((0.0, 1.0),)
    assert plausible_ranges()["emiAng"] == ((0.0, 180.0), (-360.0, 360.0))


def test_another_task_with_the_same_truth_does_not_change_them():
    TASKS.register(TWIN)
    try:
        assert plausible_ranges()["energyTruth"] == ((0.0, 1.0),)
    finally:
        TASKS.unregister(TWIN.name)


def test_a_residual_takes_the_shorter_way_round_the_circle():
    phi = TASKS["angle"].outputs[1]
    np.testing.assert_allclose(phi.difference([179.0, -179.0], [-179.0, 179.0]), [-2.0, 2.0])
    radians = Output("phi", "rad", residual="angle")
    np.testing.assert_allclose(radians.difference(3.0, -3.0), 6.0 - 2 * np.pi)
    np.testing.assert_allclose(TASKS["energy"].outputs[0].difference([0.05], [0.06]), [-0.01])


def test_opening_angles():
    rng = np.random.default_rng(3)
    truth = np.column_stack([rng.uniform(20, 160, 50), rng.uniform(-60, 60, 50)])
    # A change of θ alone opens exactly that angle, however small.
    for change in (1e-6, 0.5, 12.0):
        np.testing.assert_allclose(opening_angle(truth + np.array([change, 0.0]), truth), change, rtol=1e-6)
    vectors = rng.normal(size=(50, 3))
    np.testing.assert_allclose(opening_angle(-2 * vectors, vectors), 180.0)
    np.testing.assert_allclose(opening_angle([[1.0, 0, 0]], [[1.0, 1.0, 0]]), 45.0)
