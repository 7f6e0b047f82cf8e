"""Distances between predictions and truths that take all outputs of a task together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.errors import DataError
from xec_geometry import angles_to_direction

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JointMeasure:
    """One number that tells how far all outputs of a task together are from the truth.

    Attributes
    ----------
    name
        ``opening`` or ``distance``; the quantity of an axis.
    metric
        Name of its 68 % quantile among the metrics.
    unit
        Its unit.
    symbol
        What plots call it.
    function
        ``(prediction, truth) → (n,)`` from two arrays (n, n_outputs).
    column
        What files of predictions call it, where the truth is known; empty: they do not have it.
    """

    name: str
    metric: str
    unit: str
    symbol: str
    function: Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]
    column: str = ""


def opening_angle(prediction: ArrayLike, truth: ArrayLike) -> Floats:
    """Measure the angle between two directions, in degrees.

    Parameters
    ----------
    prediction, truth
        (n, 2) emission angles (θ, φ) in degrees, or (n, 3) vectors of any length.

    Returns
    -------
    ndarray (n,)
        Degrees, 0 to 180; accurate also for tiny angles.

    Raises
    ------
    DataError
        If the arrays have another shape.
    """
    a, b = _directions(prediction), _directions(truth)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    angle: Floats = np.degrees(np.arctan2(cross, np.sum(a * b, axis=-1)))
    return angle


def distance(prediction: ArrayLike, truth: ArrayLike) -> Floats:
    """Measure the Euclidean distance between two points, (n, k) each, in their unit."""
    difference = np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)
    length: Floats = np.linalg.norm(difference, axis=1)
    return length


def _directions(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if array.shape[-1] == 3:
        return array
    if array.shape[-1] != 2:
        raise DataError(f"directions of shape {array.shape}, expected (n, 2) angles or (n, 3) vectors")
    direction: Any = angles_to_direction(array[..., 0], array[..., 1], degrees=True)
    return np.asarray(direction, np.float64)
