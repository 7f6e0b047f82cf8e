"""The loss of hidden cells against hand-written values, one cell after the other."""

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_models.encoder.normalizer import Normalizer
from xec_models.losses.table import LOSSES, losses_for_readings
from xec_train.config.reconstruction import ReconstructionTrainingConfig
from xec_train.reconstruction.losses import build_targets, event_sums, face_losses

NORMALIZER = Normalizer(NormalizationConfig()).double()
NPHO, TIME = (float(value) for value in NORMALIZER.sentinels())


def training(**changes):
    return ReconstructionTrainingConfig(**changes)


@pytest.fixture
def event():
    """Two events of one face of four cells: one without a count, one without a time, one that is seen."""
    photons = torch.tensor([[100.0, 400.0, 900.0, 50.0], [1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)
    cells = torch.stack([NORMALIZER.normalize_photons(photons), torch.rand(2, 4, dtype=torch.float64)], -1)
    cells[0, 1] = torch.tensor([NPHO, TIME])
    cells[0, 2, 1] = TIME
    hidden = torch.tensor([[True, True, True, False], [True, True, False, True]])
    return photons, {"inner": cells}, {"inner": hidden}


@pytest.mark.parametrize("name", losses_for_readings())
def test_pointwise(name):
    by_hand = {
        "smooth_l1": lambda d: 0.5 * d**2 / 0.3 if abs(d) < 0.3 else abs(d) - 0.15,
        "huber": lambda d: 0.5 * d**2 if abs(d) < 0.3 else 0.3 * (abs(d) - 0.15),
        "l1": abs,
        "mse": lambda d: d**2,
    }[name]
    x = torch.tensor([-1.0, -0.1, 0.05, 0.7], dtype=torch.float64, requires_grad=True)
    y = torch.zeros(4, dtype=torch.float64)
    loss = LOSSES[name].function(x, y, 0.3)
    assert loss.tolist() == pytest.approx([by_hand(d) for d in x.tolist()])
    assert torch.autograd.gradcheck(lambda x: LOSSES[name].function(x, y, 0.3), x)


def test_which_cells_count(event):
    _, cells, hidden = event
    config = training(time={"use_npho_weight": False})
    weights = build_targets(cells, hidden, NORMALIZER, config).weights["inner"]
    assert weights[0].tolist() == [[1, 1], [0, 0], [1, 0], [0, 0]]
    assert weights[1].tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]


def test_how_much_they_count(event):
    photons, cells, hidden = event
    config = training(npho_loss_weight={"enabled": True, "alpha": 0.25})
    weights = build_targets(cells, hidden, NORMALIZER, config).weights["inner"]
    assert weights[1, 1].tolist() == pytest.approx([3.0**0.25, 2.0**0.5])
    assert weights[0, 2].tolist() == pytest.approx([float(photons[0, 2] + 1) ** 0.25, 0.0])


def test_mean_over_hidden_cells(event):
    _, cells, hidden = event
    config = training(loss_fn="l1")
    alike = build_targets(cells, hidden, NORMALIZER, config)
    event_weights = torch.tensor([1.0, 3.0], dtype=torch.float64)
    targets = build_targets(cells, hidden, NORMALIZER, config, event_weights)
    predicted = {"inner": torch.zeros(2, 4, 2, dtype=torch.float64)}
    losses = face_losses(predicted, targets, (0, 1), config)["inner"]
    sums = event_sums(predicted, targets, (0, 1), config)["inner"].sum(0)
    given = {"inner": torch.tensor([5.0, 7.0], dtype=torch.float64)}
    divided = face_losses(predicted, targets, (0, 1), config, given)["inner"]
    for column in range(2):
        total = weight_sum = 0.0
        for b, i in np.ndindex(2, 4):
            weight = float(alike.weights["inner"][b, i, column] * event_weights[b])
            total += weight * abs(float(cells["inner"][b, i, column]))
            weight_sum += weight
        assert float(losses[column]) == pytest.approx(total / weight_sum)
        assert sums[column, 3:].tolist() == pytest.approx([weight_sum, total])
        assert float(divided[column]) == pytest.approx(total / float(given["inner"][column]))


def test_nothing_hidden_costs_nothing(event):
    _, cells, hidden = event
    nothing = {"inner": torch.zeros_like(hidden["inner"])}
    targets = build_targets(cells, nothing, NORMALIZER, training())
    predicted = {"inner": torch.ones(2, 4, 1, dtype=torch.float64, requires_grad=True)}
    loss = face_losses(predicted, targets, (0,), training())["inner"]
    loss.sum().backward()
    assert loss.tolist() == [0.0]
    assert predicted["inner"].grad.abs().sum() == 0


def test_sums_of_errors(event):
    _, cells, hidden = event
    targets = build_targets(cells, hidden, NORMALIZER, training())
    sums = event_sums({"inner": cells["inner"] + 0.5}, targets, (0, 1), training())["inner"][..., :3]
    assert sums[0].tolist() == [pytest.approx([2, 1.0, 0.5]), pytest.approx([1, 0.5, 0.25])]
