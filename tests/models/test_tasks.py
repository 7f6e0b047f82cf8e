import numpy as np
import pytest

from xec_data.schema.branches import SCHEMA
from xec_models.errors import ModelError
from xec_models.losses import losses_for
from xec_models.tasks import TASKS, task_spec, task_truth


def test_truth_stands_in_branches_of_the_schema():
    for spec in TASKS.values():
        assert set(spec.truth) <= set(SCHEMA)
        assert spec.default_loss in losses_for(spec)


def test_truth_is_a_table_with_one_column_an_output():
    rng = np.random.default_rng(0)
    arrays = {"emiAng": rng.random((5, 2)), "energyTruth": rng.random(5), "uvwTruth": rng.random((5, 3))}
    np.testing.assert_array_equal(task_truth("angle", arrays), arrays["emiAng"])
    np.testing.assert_array_equal(task_truth("energy", arrays), arrays["energyTruth"][:, None])
    np.testing.assert_array_equal(task_truth("uvwFI", arrays), arrays["uvwTruth"])


def test_mistakes_are_named():
    with pytest.raises(ModelError, match=r"unknown task 'angel'.*did you mean 'angle'"):
        task_spec("angel")
    with pytest.raises(ModelError, match="needs the branch 'energyTruth'"):
        task_truth("energy", {"emiAng": np.zeros((1, 2))})
    with pytest.raises(ModelError, match="3 columns, expected 2"):
        task_truth("angle", {"emiAng": np.zeros((4, 3))})
