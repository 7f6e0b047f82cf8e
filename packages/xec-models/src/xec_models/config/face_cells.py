"""The cells that pooling leaves of rectangular faces, and those that a stem needs."""

from __future__ import annotations

from xec_geometry import GridName, Layout, index_map, outer_fine_grid
from xec_models.encoder.outer_modes import OUTER_MODES
from xec_models.encoder.stems import Stem

POOLED: dict[str, tuple[GridName, ...]] = {"inner_pool": ("inner",), "side_pool": ("us", "ds")}
"""The faces whose single sensors a key pools."""


def check_faces(outer_mode: str, layout: Layout, stem: Stem) -> None:
    """Refuse a stem that leaves nothing of a face of single sensors.

    Raises
    ------
    ValueError
        Naming the face. (Not an `XecError`, so that pydantic can collect it.)
    """
    for group in OUTER_MODES[outer_mode].groups:
        if group.hexagonal or group.faces == ("outer",):
            continue
        rows, columns = index_map(group.faces[0], layout).shape
        if min(rows, columns) < stem.fewest_cells:
            raise ValueError(
                f"stem is '{stem.name}', which needs {stem.fewest_cells} rows and columns, but the face "
                f"{group.faces[0]} has {rows} and {columns}; expected one that needs fewer"
            )


def check_pool(key: str, pool: tuple[int, int], stem: Stem) -> None:
    """Refuse a pooling of single sensors that does not divide its faces, or leaves too few cells.

    Raises
    ------
    ValueError
        As `check_faces`, naming the key of `POOLED`.
    """
    shape, fewest = index_map(POOLED[key][0]).shape, stem.fewest_cells
    possible = [_divisors_leaving(fewest, cells) for cells in shape]
    if any(size not in sizes for size, sizes in zip(pool, possible, strict=True)):
        nearest = [
            max((size for size in sizes if size <= given), default=1)
            for given, sizes in zip(pool, possible, strict=True)
        ]
        raise ValueError(
            f"{key} is {list(pool)}, expected divisors of the {shape[0]} rows and {shape[1]} columns that "
            f"leave at least {fewest} of each for the stem '{stem.name}', e.g. {nearest}"
        )


def check_outer_pool(pool: tuple[int, int], outer_mode: str, layout: Layout, stem: Stem) -> None:
    """Refuse a pooling of the outer face that has no fine grid, or leaves too few cells of it.

    Raises
    ------
    ValueError
        As `check_faces`.
    """
    if not OUTER_MODES[outer_mode].fine_grid:
        needed = " or ".join(f"'{mode.name}'" for mode in OUTER_MODES.values() if mode.fine_grid)
        raise ValueError(f"outer_fine_pool needs outer_mode {needed}, found '{outer_mode}'")
    shape, fewest = outer_fine_grid(layout=layout).shape, stem.fewest_cells
    largest = [cells // fewest for cells in shape]
    if not all(1 <= size <= most for size, most in zip(pool, largest, strict=True)):
        nearest = [max(1, min(size, most)) for size, most in zip(pool, largest, strict=True)]
        raise ValueError(
            f"outer_fine_pool is {list(pool)}, expected numbers that leave at least {fewest} of the fine "
            f"grid's {shape[0]} rows and {shape[1]} columns for the stem '{stem.name}', e.g. {nearest}"
        )


def _divisors_leaving(fewest: int, cells: int) -> list[int]:
    return [size for size in range(1, cells + 1) if not cells % size and cells // size >= fewest]
