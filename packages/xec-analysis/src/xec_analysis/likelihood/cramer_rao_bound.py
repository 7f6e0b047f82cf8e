"""The Cramér–Rao bound: what no unbiased estimate of a point event can be better than."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xec_analysis.likelihood.information import count_information, time_information
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.volume import in_xenon
from xec_geometry import N_SENSORS, SensorTable, uvw_to_xyz
from xec_models.point_source.fisher_scoring import add_squares, inverse_information
from xec_models.point_source.point_light import FastPointLight, LightSlopes, light_slopes

Floats = npt.NDArray[np.float64]

PARAMETERS = ("u", "v", "w", "energy", "timing")
"""What is bounded, in the order of columns; names of outputs of tasks."""

# Points at a time: about fifteen tables of (points, N_SENSORS) are alive at once.
_BLOCK = 50


@dataclass(frozen=True)
class PointBound:
    """Lower bounds of n point events.

    Attributes
    ----------
    covariance
        (n, 5, 5) in the order of `PARAMETERS`, in cm, GeV and s: the inverse of the Fisher information.
        Variances are infinite where the readings do not fix a parameter, outside of the xenon, and without
        energy.
    """

    covariance: Floats

    @property
    def sigma(self) -> Floats:
        """(n, 5) standard deviations of u, v, w in cm, energy in GeV, time in s."""
        return np.asarray(np.sqrt(np.einsum("nii->ni", self.covariance)))

    def by_task(self) -> dict[str, Floats]:
        """Standard deviations by task, (n, outputs).

        That of the direction is not among them: the beam spot limits it, not the readings.
        """
        sigma = self.sigma
        return {"uvwFI": sigma[:, :3], "energy": sigma[:, 3:4], "timing": sigma[:, 4:]}


def cramer_rao_bound(
    uvw: npt.ArrayLike,
    energy: npt.ArrayLike,
    *,
    dead: npt.ArrayLike | None = None,
    readout: ReadoutModel | None = None,
    geometry: SensorTable | None = None,
) -> PointBound:
    """Bound the standard deviations of unbiased estimates of point events.

    Parameters
    ----------
    uvw
        (n, 3) in cm.
    energy
        GeV, one number or (n,).
    dead
        Sensors without readings: (N_SENSORS,) or (n, N_SENSORS) booleans.
    readout
        Statistics of the readings; by default those of the simulation with unknown gains.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    PointBound
        For each event by itself: nothing is known of the distribution of events, the sensors are
        independent, the light map and the readout are known.

    Raises
    ------
    ValueError
        If `uvw` is not of shape (n, 3), or the others do not fit it.

    Notes
    -----
    With the expected light ν of a sensor and the mean arrival a of its light, both of the light map,

        I = Σ I_q(ν)·∇ln ν ∇ln νᵀ + Σ I_t(ν)·∇(t + a) ∇(t + a)ᵀ

    in (u, v, w, ln E, t); I_q and I_t of `count_information` and `time_information` take Poisson
    photoelectrons, spread of their charge, noise, gains, decay statistics, time noise and threshold into
    account. The clock's origin does not matter: times are readings relative to the first one, and so is the
    truth.

    Left out: sensors that step into the shadow of the inner cylinder, where the light has no derivative (a
    few of the phototubes, for each point); the direct effect of the light on times, beyond that of the count.
    The gains count as drawn anew for every event, see `ReadoutModel`. Derivatives are differences of the
    light of `FastLight`, which is the light map to 1e-3.
    """
    points = np.asarray(uvw, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"expected points of shape (n, 3), found {points.shape}")
    energies = np.broadcast_to(np.asarray(energy, dtype=np.float64), (len(points),))
    hidden = np.broadcast_to(False if dead is None else np.asarray(dead, bool), (len(points), N_SENSORS))
    model = ReadoutModel() if readout is None else readout
    light = FastPointLight(geometry)
    information = np.zeros((len(points), 5, 5))
    lit = energies > 0
    inside = np.flatnonzero(in_xenon(np.asarray(uvw_to_xyz(points))) & lit)
    for start in range(0, len(inside), _BLOCK):
        part = inside[start : start + _BLOCK]
        information[part] = _information(
            light_slopes(light, points[part]), model, energies[part], ~hidden[part]
        )
    covariance = inverse_information(information)
    # From ln E to E; without energy the variances are infinite, in any unit.
    factor = np.ones((len(points), 5))
    factor[:, 3] = np.where(lit, energies, 1.0)
    return PointBound(covariance * factor[:, :, np.newaxis] * factor[:, np.newaxis, :])


def _information(
    there: LightSlopes, model: ReadoutModel, energy: Floats, visible: npt.NDArray[np.bool_]
) -> Floats:
    """Fisher information (n, 5, 5) about (u, v, w, ln E, t)."""
    emitted = energy[:, np.newaxis] / CONSTANTS.energy_per_photon
    electrons = there.probability * emitted * model.efficiency
    spread, threshold = model.gain_spread, model.npho_threshold
    of_count = model.apply(electrons, lambda nu, kind: count_information(nu, kind, spread))
    of_time = model.apply(electrons, lambda nu, kind: time_information(nu, kind, spread, threshold))
    information = np.zeros((len(energy), 5, 5))
    add_squares(information, np.where(visible, of_count, 0.0), there.of_probability, 3)
    add_squares(information, np.where(visible, of_time, 0.0), there.of_arrival, 4)
    return information
