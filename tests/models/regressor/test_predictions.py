import numpy as np
import pytest

from xec_models.errors import ModelError
from xec_models.regressor.predictions import prediction_columns, truth_columns


def test_columns_are_named_after_the_outputs():
    output = np.arange(6.0).reshape(2, 3)
    columns = prediction_columns("uvwFI", output, sigma=output + 10)
    assert list(columns) == ["pred_u", "pred_v", "pred_w", "sigma_u", "sigma_v", "sigma_w"]
    np.testing.assert_array_equal(columns["pred_v"], [1.0, 4.0])
    np.testing.assert_array_equal(columns["sigma_w"], [12.0, 15.0])
    assert list(truth_columns("angle", np.zeros((2, 2)))) == ["truth_theta", "truth_phi"]


def test_a_classification_gives_its_most_probable_class():
    columns = prediction_columns("n_gamma", [[0.1, 0.6, 0.1, 0.1, 0.1], [0, 0, 0, 0, 1.0]])
    np.testing.assert_array_equal(columns["pred_n_gamma"], [1, 4])
    assert list(truth_columns("n_gamma", [[1], [4]])) == ["truth_n_gamma"]


def test_wrong_shapes_are_refused():
    with pytest.raises(ModelError, match=r"task 'energy': array of shape \(4,\), expected \(n, 1\)"):
        prediction_columns("energy", np.zeros(4))
