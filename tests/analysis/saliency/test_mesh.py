"""Pieces of a way, for functions whose derivatives are known."""

from __future__ import annotations

import torch
from torch import Tensor

from xec_analysis.saliency.mesh import mesh_for

# Where the functions turn, and how quickly.
PLACES, WIDTH = torch.tensor([0.1037, 0.5, 0.77712], dtype=torch.float64), 1e-5


def steps(points: Tensor) -> Tensor:
    """A straight line, one step, and three."""
    turns = torch.atan((points[:, None] - PLACES) / WIDTH)
    return torch.stack([3 * points, turns[:, 0], turns.sum(dim=1)], dim=1)


def slopes(points: Tensor) -> Tensor:
    turns = WIDTH / (WIDTH**2 + (points[:, None] - PLACES) ** 2)
    return torch.stack([torch.full_like(points, 3.0), turns[:, 0], turns.sum(dim=1)], dim=1)


def test_steep_functions_are_integrated() -> None:
    asked = []

    def counted(points: Tensor) -> Tensor:
        asked.append(len(points))
        return steps(points)

    mesh = mesh_for(counted, 0.01, 1000)
    integral = (slopes(mesh.middles) * mesh.lengths[:, None]).sum(dim=0)
    change = torch.diff(steps(torch.tensor([0.0, 1.0], dtype=torch.float64)), dim=0)[0]
    torch.testing.assert_close(integral, change, rtol=0.01, atol=0)
    assert float(mesh.missed.max()) < 0.01
    # Even nodes as close as the steps are wide would be 100 000.
    assert sum(asked) < 2000
    assert len(mesh.middles) < 300


def test_a_smooth_function_needs_few_pieces() -> None:
    mesh = mesh_for(lambda points: torch.stack([points**2, points.cos()], dim=1), 0.01, 1000)
    assert len(mesh.middles) == 32
    torch.testing.assert_close(mesh.lengths.sum(), torch.tensor(1.0, dtype=torch.float64))


def test_what_is_missed_is_told() -> None:
    """A jump has no derivative, however short the pieces."""
    mesh = mesh_for(lambda points: (points > 0.3).double()[:, None] + points[:, None], 0.01, 100)
    assert len(mesh.middles) < 110
    torch.testing.assert_close(mesh.missed, torch.tensor([0.5], dtype=torch.float64), rtol=0.1, atol=0)


def test_what_is_no_number_ends_it() -> None:
    mesh = mesh_for(lambda points: torch.full((len(points), 1), torch.nan), 0.01, 100)
    assert len(mesh.middles) == 32


def test_a_constant_changes_nothing() -> None:
    mesh = mesh_for(lambda points: torch.ones(len(points), 1, dtype=torch.float64), 0.01, 100)
    assert not mesh.missed.any()
