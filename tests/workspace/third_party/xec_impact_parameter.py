"""A package of somebody else that adds one task: how close to the beam axis a photon's line passes."""

from __future__ import annotations

import numpy as np

from xec_data import Output, Task, Truth


def distance_to_axis(arrays):
    """Distance (n, 1) of the line through the vertex along the direction from the z axis, in cm."""
    x, y, _ = np.asarray(arrays["xyzVTX"], np.float64).T
    vx, vy, _ = np.asarray(arrays["emiVec"], np.float64).T
    return np.abs(x * vy - y * vx)[:, np.newaxis] / np.hypot(vx, vy)[:, np.newaxis]


IMPACT_PARAMETER = Task(
    name="impact_parameter",
    meaning="distance of the photon's line from the beam axis",
    title="Impact parameter",
    outputs=(Output("impact", unit="cm", symbol=r"$b_\gamma$", label="impact", plausible=(0.0, 100.0)),),
    truth=Truth(("xyzVTX", "emiVec"), distance_to_axis),
    default_loss="smooth_l1",
)
