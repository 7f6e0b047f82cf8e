"""Pieces of the way along which derivatives are integrated, short where functions are steep.

Norms over few channels are nearly steps: along a way they turn round within a ten-thousandth of it. Nodes
that are spread evenly miss them, so the pieces are halved where the functions themselves, without
derivatives, tell that their middles do not stand for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Functions = Callable[[Tensor], Tensor]

_FIRST_PIECES = 32
# Of the worst piece's error: pieces that are at least as bad are halved together.
_AS_BAD = 0.2
# A piece that is shorter, and along which every function changes by less than this share, adds nothing.
_SHORT, _FLAT = 1e-3, 3e-4
_SHORTEST, _TINY = 1e-9, 1e-300


@dataclass(frozen=True)
class Mesh:
    """Pieces of [0, 1], for the integral of derivatives by the midpoint rule.

    Attributes
    ----------
    middles, lengths
        (P,) of the pieces that count.
    missed
        (functions,) estimated error of the integral, as a share of all that a function changes along the way.
    """

    middles: Tensor
    lengths: Tensor
    missed: Tensor


def mesh_for(functions: Functions, tolerance: float, most_pieces: int) -> Mesh:
    """Divide [0, 1] until the midpoint rule integrates the derivatives of some functions.

    Parameters
    ----------
    functions
        From points (n,) in double precision to the values of all functions, (n, functions).
    tolerance
        Of the error, as a share of all that a function changes along the way.
    most_pieces
        About how many pieces there may be.
    """
    points = torch.linspace(0, 1, 4 * _FIRST_PIECES + 1, dtype=torch.float64)
    values = functions(points)
    begin, end = points[:-1:4], points[4::4]
    # Values at the ends, the middle and the quarters of each piece, (pieces, 5, functions).
    at = torch.stack([values[k : len(points) - 4 + k : 4] for k in range(5)], dim=1)
    while True:
        change = at[:, 4] - at[:, 0]
        total = change.abs().sum(dim=0).clamp_min(_TINY)
        # The middle's slope, from the quarters, stands for the whole piece.
        missed = (change - 2 * (at[:, 3] - at[:, 1])).abs() / total
        # A jump stays one, however short its piece.
        worst = torch.where(end - begin > _SHORTEST, missed.amax(dim=1), 0)
        if float(missed.sum(dim=0).max()) < tolerance or len(begin) >= most_pieces:
            break
        halved = (worst > 0) & (worst >= _AS_BAD * worst.max())
        if not halved.any():
            break
        begin, end, at = _halve(functions, begin, end, at, halved)
    share = (change.abs() / total).amax(dim=1)
    counts = (end - begin > _SHORT) | (share > _FLAT)
    return Mesh(((begin + end) / 2)[counts], (end - begin)[counts], missed.sum(dim=0))


def _halve(
    functions: Functions, begin: Tensor, end: Tensor, at: Tensor, halved: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Halve some pieces; the others come first."""
    left, right = begin[halved], end[halved]
    middle = (left + right) / 2
    starts, stops = torch.cat([left, middle]), torch.cat([middle, right])
    quarter = (stops - starts) / 4
    new = torch.stack(functions(torch.cat([starts + quarter, stops - quarter])).chunk(2))
    old = at[halved]
    known = torch.cat([old[:, :3], old[:, 2:]])
    halves = torch.stack([known[:, 0], new[0], known[:, 1], new[1], known[:, 2]], dim=1)
    kept = ~halved
    return (
        torch.cat([begin[kept], starts]),
        torch.cat([end[kept], stops]),
        torch.cat([at[kept], halves]),
    )
