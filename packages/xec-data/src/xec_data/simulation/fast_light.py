"""The light of whole showers, fast: the light map summed over deposits in single precision.

Far from a sensor its solid angle is A·cos θ/r² with a correction of second order; only the few sensors
near a deposit get the exact formula. The light of every sensor agrees with the sum of
`expected_photons` over the deposits to `TOLERANCE`, which tests check.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xec_data.simulation.arrays import Float32Array, FloatArray, IntArray
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.light_map import tangent_length
from xec_data.simulation.shower import Deposits
from xec_geometry import N_SENSORS, SensorTable, sensor_areas, sensor_kinds
from xec_geometry.detector import parameters
from xec_geometry.detector.survey import nominal_table
from xec_geometry.solid_angles.disc import disc_solid_angle
from xec_geometry.solid_angles.square_chips import chip_edges, chips_solid_angle

TOLERANCE = 1e-3

# Sensors nearer than this many times their (root mean square) extent get the exact solid angle: 4 cm
# for a SiPM and 14 cm for a PMT. Beyond, what the correction of second order leaves is below 5e-4.
_NEAR_EXTENTS = 12.0

_FIRST_PMT = int(np.argmax(sensor_kinds() == "PMT"))  # all SiPMs come before all PMTs
_SHADOW = np.float32(parameters.INNER_RADIUS**2)
_ONE = np.float32(1.0)
_DARK = 1e-30
_SMALLEST_SQUARE = 1e-12

# Seconds per cm of light path.
_SLOWNESS = CONSTANTS.effective_index / CONSTANTS.speed_of_light


class FastLight:
    """Sum of the light map over the deposits of events.

    An instance keeps tables of the sensors and work space; it serves one thread.

    Parameters
    ----------
    deposits
        The largest number of deposits of an event.
    geometry
        Where the sensors stand; nominal by default.
    """

    def __init__(self, deposits: int, geometry: SensorTable | None = None) -> None:
        table = nominal_table() if geometry is None else geometry
        self._positions = np.ascontiguousarray(table.positions.T)
        self._normals = np.ascontiguousarray(table.normals.T)
        # Of z in a sensor's plane.
        self._z_in_plane = np.sqrt(np.maximum(1.0 - self._normals[2] ** 2, _SMALLEST_SQUARE))
        self._planes = np.einsum("is,is->s", self._normals, self._positions)
        pmts = table.positions[_FIRST_PMT:]
        self._pmt_rows = np.vstack([pmts[:, :2].T, tangent_length(pmts)]).astype(np.float32)
        extent = _mean_square_extent()
        self._near = (_NEAR_EXTENTS**2 * extent).astype(np.float32)
        self._isotropic = (4.5 * extent).astype(np.float32)
        self._oblique = (-7.5 * extent).astype(np.float32)
        self._zeros = np.zeros(N_SENSORS, dtype=np.float32)
        share, sphere = CONSTANTS.diffuse_share, 4.0 * np.pi * CONSTANTS.energy_per_photon
        self._straight_scale = (1.0 - share) * sensor_areas() / sphere
        self._diffuse_scale = share * sensor_areas() / sphere
        # Squared distances and heights above the sensors' planes are products of two small matrices.
        self._square_rows = np.ones((5, N_SENSORS), dtype=np.float32)
        self._height_rows = np.empty((4, N_SENSORS), dtype=np.float32)
        self._height_rows[:3] = self._normals
        self._tables = np.empty((5, deposits, N_SENSORS), dtype=np.float32)

    def shine(self, deposits: Deposits) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Return the mean photons on every sensor, and when they arrive on average.

        Parameters
        ----------
        deposits
            Of any number of events; those outside of the xenon give no light.

        Yields
        ------
        photons
            (N_SENSORS,) float64, for one event after the other.
        arrival
            (N_SENSORS,) float64: mean over the photons of their deposit's time and their way, in s
            after the first interaction.
        """
        # Times as lengths of light path: then times and ways have one sum.
        delay = deposits.time / _SLOWNESS
        energy = np.where(deposits.contained, deposits.energy, 0.0)
        weights = np.stack([energy, energy * delay], axis=1).astype(np.float32)
        # Rows: straight and diffuse photons, then both times their ways.
        sums = np.empty((len(energy), 4, N_SENSORS), dtype=np.float32)
        near = [
            self._sum_far(deposits.xyz[event], weights[event], sums[event]) for event in range(len(energy))
        ]
        self._add_near(sums, near, deposits.xyz, energy, delay)
        for straight, diffuse, straight_way, diffuse_way in sums:
            diffuse_photons = self._diffuse_scale * diffuse
            photons = self._straight_scale * straight + diffuse_photons
            way = self._straight_scale * straight_way + self._diffuse_scale * diffuse_way
            way += CONSTANTS.diffuse_detour * diffuse_photons
            # An event may have leaked altogether.
            yield photons, _SLOWNESS * way / np.maximum(photons, _DARK)

    def _sum_far(
        self, xyz: FloatArray, weights: Float32Array, sums: Float32Array
    ) -> tuple[IntArray, IntArray]:
        """Fill the sums of one event; give deposit and sensor of the near pairs, which are left out."""
        lit = np.flatnonzero(weights[0])
        if not len(lit):
            sums[:] = 0.0
            return lit, lit
        xyz, weights = xyz[lit], weights[:, lit]
        square, height, inverse, distance, straight = self._tables[:, : len(lit)]
        self._measure(xyz, square, height)
        deposit, sensor = np.divmod(np.flatnonzero(square < self._near), N_SENSORS)

        # Ω/A = h/r³·(1 + m/r²·(9/2 − 15/2·h²/r²)), m the mean square extent of the sensor.
        np.reciprocal(square, out=inverse)
        np.sqrt(square, out=distance)
        np.multiply(height, height, out=straight)
        straight *= inverse
        straight *= self._oblique
        straight += self._isotropic
        straight *= inverse
        straight += _ONE
        straight *= height
        straight *= inverse
        straight /= distance
        straight[deposit, sensor] = 0.0
        tangents = np.column_stack([xyz[:, :2], tangent_length(xyz)]).astype(np.float32)
        straight[:, _FIRST_PMT:] *= tangents @ self._pmt_rows > _SHADOW

        diffuse, absorbed = square, inverse
        diffuse += np.float32(CONSTANTS.scattering_length**2)
        np.reciprocal(diffuse, out=diffuse)
        np.multiply(distance, np.float32(-1.0 / CONSTANTS.absorption_length), out=absorbed)
        np.exp(absorbed, out=absorbed)
        for row, light in enumerate((straight, diffuse)):
            light *= absorbed
            sums[row], delayed = weights @ light
            light *= distance
            np.add(delayed, weights[0] @ light, out=sums[row + 2])
        return lit[deposit], sensor

    def _measure(self, xyz: FloatArray, square: Float32Array, height: Float32Array) -> None:
        """Fill in squared distances from the sensors, and heights above their planes (0 behind them)."""
        # Coordinates around one of the deposits are small numbers: single precision loses nothing.
        points = xyz - xyz[0]
        rows, ones = self._square_rows, np.ones(len(xyz))
        np.subtract(self._positions, xyz[0][:, np.newaxis], out=rows[:3], casting="same_kind")
        np.einsum("is,is->s", rows[:3], rows[:3], out=rows[3])
        left = np.column_stack([-2.0 * points, ones, (points**2).sum(axis=1)])
        np.matmul(left.astype(np.float32), rows, out=square)
        self._height_rows[3] = self._planes - xyz[0] @ self._normals
        left = np.column_stack([points, -ones])
        np.matmul(left.astype(np.float32), self._height_rows, out=height)
        # A row of zeros, because numpy is slower with a single one.
        np.maximum(height, self._zeros, out=height)

    def _add_near(
        self,
        sums: Float32Array,
        near: list[tuple[IntArray, IntArray]],
        xyz: FloatArray,
        energy: FloatArray,
        delay: FloatArray,
    ) -> None:
        """Add straight light to near sensors, exactly. The inner cylinder hides none of these."""
        event = np.repeat(np.arange(len(near)), [len(sensors) for _, sensors in near])
        deposit, sensor = (np.concatenate(parts) for parts in zip(*near, strict=True))
        apart = xyz[event, deposit].T - self._positions[:, sensor]
        square = np.einsum("ip,ip->p", apart, apart)
        height = np.einsum("ip,ip->p", apart, self._normals[:, sensor])
        # The sides of a SiPM run along z, as far as its plane allows, and along φ; a PMT is round.
        sipm = sensor < _FIRST_PMT
        lengthwise = (apart[2] - height * self._normals[2, sensor]) / self._z_in_plane[sensor]
        along = np.where(sipm, lengthwise, 0.0)
        across = np.sqrt(np.maximum(square - height**2 - along**2, 0.0))
        front = np.maximum(height, 0.0)
        angle = np.empty(len(sensor))
        for those, formula in ((sipm, chips_solid_angle), (~sipm, disc_solid_angle)):
            angle[those] = formula(along[those], across[those], front[those])
        angle[height <= 0.0] = 0.0
        distance = np.sqrt(square)
        light = angle / sensor_areas()[sensor] * np.exp(-distance / CONSTANTS.absorption_length)
        light *= energy[event, deposit]
        way = light * (distance + delay[event, deposit])
        np.add.at(sums[:, 0], (event, sensor), light.astype(np.float32))
        np.add.at(sums[:, 2], (event, sensor), way.astype(np.float32))


def _mean_square_extent() -> FloatArray:
    """Return ⟨x²⟩ over the active area of every sensor, along any direction in its plane, in cm²."""
    low, high = np.array(chip_edges(), dtype=np.float64).T
    chips = float(np.sum(high**3 - low**3) / 3.0 / np.sum(high - low))
    return np.where(sensor_kinds() == "SiPM", chips, parameters.PMT_RADIUS**2 / 4.0)
