"""Pictures of the unrolled detector."""

import sys

import numpy as np
import pytest

from xec_geometry import N_SENSORS, GeometryError, unrolled_positions
from xec_geometry.display.picture import draw_faces, draw_sensors, save_picture

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.collections import EllipseCollection, PolyCollection  # noqa: E402
from matplotlib.colors import LogNorm, to_rgba  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402


@pytest.fixture
def ax():
    return Figure().subplots()


def drawn_colors(ax):
    squares = next(c for c in ax.collections if isinstance(c, PolyCollection))
    circles = next(c for c in ax.collections if isinstance(c, EllipseCollection))
    return squares.get_facecolor(), circles.get_facecolor()


def test_a_square_per_sipm_and_a_circle_per_pmt_in_place(ax):
    draw_sensors(ax, np.arange(N_SENSORS))
    squares = next(c for c in ax.collections if isinstance(c, PolyCollection))
    circles = next(c for c in ax.collections if isinstance(c, EllipseCollection))
    centers = [path.vertices[:4].mean(axis=0) for path in squares.get_paths()]
    np.testing.assert_allclose(centers, unrolled_positions()[:4092], atol=1e-9)
    np.testing.assert_allclose(circles.get_offsets(), unrolled_positions()[4092:])


def test_colors_share_one_norm(ax):
    values = np.linspace(1, 1000, N_SENSORS)
    mappable = draw_sensors(ax, values, norm=LogNorm(1, 1000), cmap="magma")
    squares, circles = drawn_colors(ax)
    np.testing.assert_allclose(np.vstack([squares, circles]), mappable.to_rgba(values))
    assert ax.figure.colorbar(mappable, ax=ax).vmax == pytest.approx(1000)


def test_sensors_without_a_value_are_grey(ax):
    values = np.ones(N_SENSORS)
    values[[5, 4700]] = np.nan, np.inf
    values[6] = 3.0
    mappable = draw_sensors(ax, values, missing="0.8")
    squares, circles = drawn_colors(ax)
    assert squares[5] == pytest.approx(to_rgba("0.8"))
    assert circles[4700 - 4092] == pytest.approx(to_rgba("0.8"))
    assert mappable.get_clim() == (1.0, 3.0)


def test_nothing_valid_is_still_a_picture(ax):
    draw_sensors(ax, np.full(N_SENSORS, np.nan))
    assert len(ax.collections) == 2


def test_labels(ax):
    draw_sensors(ax, np.zeros(N_SENSORS))
    assert sorted(text.get_text() for text in ax.texts) == sorted(
        ["inner", "upstream", "downstream", "outer", "top", "bottom"]
    )
    bare = Figure().subplots()
    draw_sensors(bare, np.zeros(N_SENSORS), labels=False)
    assert not bare.texts


def test_faces_are_described(ax):
    draw_faces(ax)
    text = "\n".join(text.get_text() for text in ax.texts)
    for part in ("inner: 4092 SiPMs", "0–4091", "4092–4307, 4742–4759", "top: 73 PMTs"):
        assert part in text


def test_wrong_number_of_values(ax):
    with pytest.raises(ValueError, match="expected 4760 values"):
        draw_sensors(ax, np.zeros(10))


def test_saved_picture(tmp_path):
    path = save_picture(tmp_path / "detector.png")
    image = matplotlib.image.imread(path)
    assert image.shape[0] > 1000
    assert image.shape[1] > 1000
    # Colours and white paper are both there.
    assert 0.2 < (image[..., :3].min(axis=-1) < 0.95).mean() < 0.8
    assert [file.name for file in tmp_path.iterdir()] == ["detector.png"]


def test_unknown_picture_format(tmp_path):
    with pytest.raises(GeometryError, match=r"detector\.docx: expected a name that ends in one of .*png"):
        save_picture(tmp_path / "detector.docx")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(GeometryError, match=r"pip install 'xec-geometry\[plot\]'"):
        save_picture(tmp_path / "detector.png")
