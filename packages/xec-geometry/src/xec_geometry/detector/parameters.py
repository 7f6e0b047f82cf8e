"""The numbers of the detector, from the detector's nominal table; nothing else in xec repeats them.

Lengths are cm, angles degrees. z runs along the beam; azimuth φ = atan2(y, x). The detector is a
C-shape on the −x side, centred on φ = 180°. Sensor ids run through the groups in the order of
`GROUP_SIZES`. Source of every number here: the detector's nominal table.
"""

from __future__ import annotations

from types import MappingProxyType

# The positions that follow from these numbers are those of the table within this many cm.
TABLE_ACCURACY = 1e-3

# Inner face: a cylinder of SiPMs, rows along φ, columns along z.
INNER_RADIUS = 64.97
INNER_ROWS = 93
INNER_COLUMNS = 44
INNER_PHI_FIRST = 117.914853
INNER_PHI_LAST = 242.085147
INNER_Z_LAST = 32.4601

# Strips of PMTs, shared by the outer, upstream and downstream faces.
STRIPS = 24
STRIP_PHI_FIRST = 119.855
STRIP_PHI_STEP = 5.23

# Outer face: strips along φ, each with its PMTs along z.
OUTER_RADIUS = 106.27
OUTER_PER_STRIP = 9
OUTER_Z_STEP = 10.356

# The patch of closer PMTs in the middle of the outer face: one row per φ column, z ascending.
CENTER_PHI_FIRST = 171.2834
CENTER_PHI_STEP = 3.48666
CENTER_Z = (-12.4, -6.2, 0.0, 6.2, 12.4)
CENTER_IDS = (
    (4185, 4742, 4186, 4743, 4187),
    (4744, 4745, 4746, 4747, 4748),
    (4194, 4749, 4195, 4750, 4196),
    (4203, 4751, 4204, 4752, 4205),
    (4753, 4754, 4755, 4756, 4757),
    (4212, 4758, 4213, 4759, 4214),
)
CENTER_ADDED = 18  # PMTs of the patch that are no part of the coarse grid

# Upstream and downstream faces: strips along φ, each going deeper and outwards.
SIDE_DEPTHS = 6
SIDE_RADIUS_FIRST = 69.53
SIDE_RADIUS_STEP = 6.684
SIDE_Z_FIRST = 35.1547
SIDE_Z_STEP = 2.3369

# Top and bottom faces: planes of constant φ with hexagonal rows, centred on z = 0.
HEX_ROWS = (11, 12, 11, 12, 13, 14)
HEX_RADIUS_FIRST = 68.27
HEX_RADIUS_STEP = 6.91
HEX_Z_STEP = 6.12
TOP_PHI = 117.24
BOTTOM_PHI = 242.76

# Active areas: a SiPM is a square of square chips, a PMT a disc.
CHIPS_PER_SIDE = 2
CHIP_SIDE = 0.59
CHIP_GAP = 0.05
PMT_RADIUS = 2.25

# The outer fine grid: cells that a coarse or a centre PMT covers (z × φ), and where the patch lies.
COARSE_CELL = (5, 3)
CENTER_CELL = (3, 2)
CENTER_FINE_ORIGIN = (15, 30)

# The usual fiducial volume.
FIDUCIAL_U_MAX = 23.9
FIDUCIAL_V_MAX = 67.9
FIDUCIAL_W_MIN = 0.0

# Groups of sensors in the order of their ids.
GROUP_SIZES = MappingProxyType(
    {
        "inner": INNER_ROWS * INNER_COLUMNS,
        "outer_coarse": STRIPS * OUTER_PER_STRIP,
        "us": STRIPS * SIDE_DEPTHS,
        "ds": STRIPS * SIDE_DEPTHS,
        "top": sum(HEX_ROWS),
        "bottom": sum(HEX_ROWS),
        "outer_added": CENTER_ADDED,
    }
)
N_SENSORS = sum(GROUP_SIZES.values())
