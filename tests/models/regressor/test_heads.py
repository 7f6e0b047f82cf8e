import math

import numpy as np
import pytest
import torch

from xec_data.tasks.table import TASKS
from xec_models.config.network import TaskConfig, resolve_tasks
from xec_models.errors import ModelError
from xec_models.losses.functions import LOG_VARIANCE_LIMIT
from xec_models.losses.table import LOSSES, losses_for
from xec_models.regressor.heads import TaskHead
from xec_models.regressor.targets import TargetScale


def _config(task, **values):
    return resolve_tasks({task: TaskConfig(**values)})[task]


@pytest.mark.parametrize(
    ("task", "loss"), [(name, loss) for name, spec in TASKS.items() for loss in losses_for(spec)]
)
def test_every_task_and_loss_has_its_outputs(task, loss):
    spec, config = TASKS[task], _config(task, loss_fn=loss)
    raw = TaskHead(spec, config, 24, 8).eval()(torch.randn(3, 24))
    assert raw.shape == (3, spec.n_outputs * (2 if LOSSES[loss].predicts_sigma else 1))
    assert TargetScale(spec, config).physical(raw).shape == (3, spec.n_outputs)


@torch.no_grad()
@pytest.mark.parametrize("loss", ["l1", "gaussian_nll"])
def test_a_head_on_another_scale_gives_the_same_physical_outputs(loss):
    spec, config = TASKS["uvwFI"], _config("uvwFI", loss_fn=loss)
    head = TaskHead(spec, config, 24, 8).eval()
    old, new = TargetScale(spec, config), TargetScale(spec, config)
    for scale, factor in ((old, 1.0), (new, 7.0)):
        scale.shift.copy_(torch.tensor([1.0, -2.0, 3.0]) * factor)
        scale.scale.copy_(torch.tensor([0.5, 4.0, 2.0]) * factor)
    x = torch.randn(5, 24)
    physical, widths = old.physical(head(x)), old.sigma(head(x)) if loss == "gaussian_nll" else None
    head.rescale(old, *new.constants())
    torch.testing.assert_close(new.physical(head(x)), physical, rtol=1e-5, atol=1e-5)
    if widths is not None:
        torch.testing.assert_close(new.sigma(head(x)), widths)


def test_names_of_parameters_stay(small_network):
    state = small_network(["energy"], outer_fine_pool=(3, 3)).state_dict()
    heads = {name.removeprefix("heads.energy.") for name in state if name.startswith("heads.")}
    assert heads == {f"{layer}.{part}" for layer in (0, 1, 4, 6) for part in ("weight", "bias")}
    assert {name for name in state if name.startswith("targets.")} == {
        "targets.energy.shift",
        "targets.energy.scale",
    }


def test_standardized_targets_have_mean_zero_and_width_one():
    rng = np.random.default_rng(0)
    truth = np.column_stack(
        [rng.normal(1.0, 12.0, 5000), rng.normal(-3, 30.0, 5000), rng.exponential(4, 5000)]
    )
    scale = TargetScale(TASKS["uvwFI"], _config("uvwFI"))
    scale.fit(truth)
    z = scale.standardize(torch.tensor(truth))
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(3).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(scale.physical(z), torch.tensor(truth), atol=1e-5, rtol=1e-6)


def test_seconds_train_like_centimetres():
    truth = np.random.default_rng(0).normal(2e-9, 3e-10, (1000, 1)).astype(np.float32)
    scale = TargetScale(TASKS["timing"], _config("timing"))
    scale.fit(truth)
    z = scale.standardize(torch.tensor(truth))
    assert 0.99 < z.std() < 1.01
    torch.testing.assert_close(scale.physical(z), torch.tensor(truth), atol=1e-15, rtol=1e-5)


def test_logarithm():
    truth = np.exp(np.random.default_rng(0).normal(-3.0, 0.4, (2000, 1)))
    config = _config("energy", log_transform=True, loss_fn="gaussian_nll")
    scale = TargetScale(TASKS["energy"], config).double()
    scale.fit(truth)
    assert scale.shift.item() == pytest.approx(np.log(truth).mean())
    z = scale.standardize(torch.tensor(truth))
    torch.testing.assert_close(scale.physical(z), torch.tensor(truth))
    # σ(log value) · value: a head that says log variance 0 has the width of the training data.
    raw = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    assert scale.sigma(raw).item() == pytest.approx(scale.scale.item() * math.exp(scale.shift.item()))


def test_uncertainty_is_physical():
    scale = TargetScale(TASKS["uvwFI"], _config("uvwFI", loss_fn="gaussian_nll"))
    scale.fit(np.array([[0.0, 0, 0], [2.0, 4.0, 20.0]]))  # standard deviations 1, 2, 10
    raw = torch.tensor([[0.0, 0.0, 0.0, 0.0, math.log(4.0), math.log(0.25)]])
    torch.testing.assert_close(scale.physical(raw), torch.tensor([[1.0, 2.0, 10.0]]))
    torch.testing.assert_close(scale.sigma(raw), torch.tensor([[1.0, 4.0, 5.0]]))


def test_uncertainty_of_a_bounded_log_variance():
    scale = TargetScale(TASKS["angle"], _config("angle", loss_fn="student_t"))
    scale.fit(np.array([[80.0, -40.0], [100.0, 40.0]]))  # standard deviations 10, 40
    raw = torch.tensor([[0.0, 0.0, math.log(4.0), 0.0], [0.0, 0.0, -1e6, 1e6]])
    largest = math.exp(LOG_VARIANCE_LIMIT / 2)
    expected = torch.tensor([[20.0, 40.0], [10.0 / largest, 40.0 * largest]])
    torch.testing.assert_close(scale.sigma(raw), expected, rtol=1e-4, atol=0)


def test_a_head_without_uncertainty_has_no_sigma():
    with pytest.raises(ModelError, match="'energy' has no uncertainty"):
        TargetScale(TASKS["energy"], _config("energy")).sigma(torch.zeros(2, 1))


@pytest.mark.parametrize("loss", ["smooth_l1", "gaussian_nll", "student_t"])
def test_the_nearest_turn_of_an_angle(loss):
    """Of φ alone; against the difference on the circle in float64."""
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.uniform(0, 180, 200), rng.uniform(-180, 180, 200)])
    predicted = np.column_stack([rng.uniform(-180, 360, 200), rng.uniform(-720, 720, 200)])
    scale = TargetScale(TASKS["angle"], _config("angle", loss_fn=loss)).double()
    scale.fit(truth)
    raw, target = scale.standardize(torch.tensor(predicted)), scale.standardize(torch.tensor(truth))
    deviation = (raw - scale.nearest_turn(raw, target)) * scale.scale
    theta, phi = TASKS["angle"].outputs
    np.testing.assert_allclose(deviation[:, 0], predicted[:, 0] - truth[:, 0], atol=1e-9)
    np.testing.assert_allclose(deviation[:, 1], phi.difference(predicted[:, 1], truth[:, 1]), atol=1e-9)
    assert (theta.period, phi.period) == (None, 360.0)


def test_directions_have_length_one_and_classes_are_probabilities():
    raw = 5 * torch.randn(7, 3)
    direction = TargetScale(TASKS["angleVec"], _config("angleVec")).physical(raw)
    torch.testing.assert_close(direction.norm(dim=1), torch.ones(7))
    classes = TargetScale(TASKS["n_gamma"], _config("n_gamma"))
    probabilities = classes.physical(torch.randn(4, 5))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))
    truth = torch.tensor([[0], [3]])
    classes.fit(truth)
    assert torch.equal(classes.standardize(truth), truth)


def test_a_constant_truth_gives_finite_numbers():
    for value in (0.0, 0.0528):
        scale = TargetScale(TASKS["energy"], _config("energy"))
        scale.fit(np.full((10, 1), value))
        z = scale.standardize(torch.full((2, 1), value))
        assert z.abs().max() < 1e-3
        torch.testing.assert_close(scale.physical(z), torch.full((2, 1), value))


@pytest.mark.parametrize(
    ("truth", "options", "message"),
    [
        ([[0.05], [np.nan], [np.inf]], {}, r"energy' \(energyTruth\): 2 of 3 events are NaN or infinite"),
        ([[0.05], [0.0]], {"log_transform": True}, "smallest true value is 0 GeV"),
        (np.zeros((0, 1)), {}, r"shape \(0, 1\), expected \(n, 1\) with n > 0"),
        (np.zeros((5, 2)), {}, r"shape \(5, 2\)"),
    ],
)
def test_truth_that_cannot_be_standardized(truth, options, message):
    with pytest.raises(ModelError, match=message):
        TargetScale(TASKS["energy"], _config("energy", **options)).fit(truth)
