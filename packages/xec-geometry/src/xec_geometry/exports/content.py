"""Content of every export, under the same names in all formats."""

from __future__ import annotations

from xec_geometry.detector import parameters as p

CONSTANTS: dict[str, float] = {
    "inner_radius": p.INNER_RADIUS,
    "outer_radius": p.OUTER_RADIUS,
    "chip_side": p.CHIP_SIDE,
    "chip_gap": p.CHIP_GAP,
    "pmt_radius": p.PMT_RADIUS,
    "fiducial_u_max": p.FIDUCIAL_U_MAX,
    "fiducial_v_max": p.FIDUCIAL_V_MAX,
    "fiducial_w_min": p.FIDUCIAL_W_MIN,
}
"""Lengths in cm."""

EDGE_ROWS = ("source", "target", "direction")

KINDS = ("SiPM", "PMT")
"""Kinds of sensors, in the order of their numbers where a format numbers them."""
