"""Sensors in space and struck-out sensors."""

import numpy as np
import pytest

from xec_geometry import (
    N_SENSORS,
    sensor_areas,
    sensor_kinds,
    sensor_normals,
    sensor_positions,
    unrolled_positions,
)

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.collections import EllipseCollection, LineCollection, PolyCollection  # noqa: E402
from matplotlib.colors import Normalize  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from xec_geometry.display.hatching import hatch_sensors  # noqa: E402
from xec_geometry.display.picture import draw_sensors  # noqa: E402
from xec_geometry.display.space import draw_in_space, sensor_outlines  # noqa: E402


def test_outlines_lie_around_their_sensors_in_their_planes():
    outlines = sensor_outlines()
    assert len(outlines) == N_SENSORS
    for i in (0, 2000, 4091, 4092, 4400, 4600, 4700, N_SENSORS - 1):
        corners = outlines[i][:, [1, 2, 0]]
        assert len(corners) == (4 if sensor_kinds()[i] == "SiPM" else 14)
        np.testing.assert_allclose(corners.mean(axis=0), sensor_positions()[i], atol=1e-9)
        np.testing.assert_allclose((corners - sensor_positions()[i]) @ sensor_normals()[i], 0, atol=1e-9)
        # Hardly smaller than a disc, and a SiPM with its gaps hardly larger than its chips.
        steps = corners - sensor_positions()[i]
        area = np.linalg.norm(np.cross(steps, np.roll(steps, -1, axis=0)).sum(axis=0)) / 2
        assert area == pytest.approx(sensor_areas()[i], rel=0.35)


def test_sensors_with_values_are_drawn_in_space():
    ax = Figure().add_subplot(projection="3d")
    values = np.linspace(0, 1, N_SENSORS)
    values[:4000] = np.nan
    hatched = np.zeros(N_SENSORS, bool)
    hatched[[1, 4100]] = True
    draw_in_space(ax, values, norm=Normalize(0, 1), hatched=hatched, opacity=values)
    squares, discs, _ = ax.collections
    assert (len(squares.get_facecolor()), len(discs.get_facecolor())) == (92, 668)
    with pytest.raises(ValueError, match="expected 4760 values"):
        draw_in_space(ax, np.zeros(3), norm=Normalize(0, 1))


def test_hatched_sensors_lie_over_the_others_in_place():
    ax = Figure().subplots()
    draw_sensors(ax, np.zeros(N_SENSORS))
    chosen = np.zeros(N_SENSORS, bool)
    chosen[[17, 4200, 4759]] = True
    hatch_sensors(ax, chosen)
    (square,) = [c for c in ax.collections if isinstance(c, PolyCollection)][1].get_paths()
    np.testing.assert_allclose(square.vertices[:4].mean(axis=0), unrolled_positions()[17])
    discs = [c for c in ax.collections if isinstance(c, EllipseCollection)][1]
    np.testing.assert_allclose(discs.get_offsets(), unrolled_positions()[[4200, 4759]])
    (lines,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 1 + 2 * 3
    assert lines.get_zorder() > discs.get_zorder() > ax.collections[0].get_zorder()
    with pytest.raises(ValueError, match="expected 4760 values"):
        hatch_sensors(ax, np.ones(3))
