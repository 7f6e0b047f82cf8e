"""The table of representations of the outer face, and the faces that become tokens."""

from __future__ import annotations

from dataclasses import dataclass

from xec_geometry import GridName
from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError


@dataclass(frozen=True)
class FaceGroup:
    """Faces of one shape, and whether they are hexagonal (nodes) or rectangular (rows × columns)."""

    name: str
    faces: tuple[GridName, ...]
    hexagonal: bool = False


@dataclass(frozen=True)
class OuterMode:
    """A representation of the outer face.

    Attributes
    ----------
    name
        Value of ``model.outer_mode``.
    summary
        One line for people.
    outer
        The groups of the outer face.
    fine_grid
        Whether it is the fine grid, which can be pooled.
    """

    name: str
    summary: str
    outer: tuple[FaceGroup, ...]
    fine_grid: bool = False

    @property
    def groups(self) -> tuple[FaceGroup, ...]:
        """The groups of all faces, in the order of their tokens."""
        return (_INNER, _SIDES, *self.outer, _HEXAGONAL)


_INNER, _SIDES = FaceGroup("inner", ("inner",)), FaceGroup("sides", ("us", "ds"))
_HEXAGONAL = FaceGroup("hexagonal", ("top", "bottom"), hexagonal=True)

OUTER_MODES: Registry[OuterMode] = Registry(
    "outer mode",
    (
        OuterMode("finegrid", "one fine grid", (FaceGroup("outer", ("outer",)),), fine_grid=True),
        OuterMode(
            "split",
            "coarse grid and centre patch as two tokens",
            (FaceGroup("outer_coarse", ("outer_coarse",)), FaceGroup("outer_center", ("outer_center",))),
        ),
    ),
    error=ModelError,
)
"""Every representation by its name."""


def token_faces(outer_mode: str) -> tuple[GridName, ...]:
    """Return the face of each token, in order."""
    return tuple(face for group in OUTER_MODES[outer_mode].groups for face in group.faces)
