"""Report about a file: branches, statistics, possible uses."""

from __future__ import annotations

from dataclasses import dataclass, field

from xec_data.checking.statistics import FaceFractions


@dataclass
class BranchReport:
    """Stored form of a branch."""

    stored: str
    name: str | None
    typename: str
    length: str
    n_entries: int
    n_baskets: int
    compression: str
    ratio: float | None
    problem: str | None = None


@dataclass
class ValueReport:
    """Range and gaps of a truth or reconstruction branch."""

    name: str
    unit: str
    ranges: list[tuple[float, float] | None]
    n_invalid: int
    first_invalid: int | None


@dataclass
class FileReport:
    """Content of a file and its possible uses."""

    path: str
    tree: str
    size: int = 0
    n_entries: int = 0
    n_clusters: int = 0
    branches: list[BranchReport] = field(default_factory=list)
    readings: dict[str, list[FaceFractions]] = field(default_factory=dict)
    reading_ranges: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    dead: list[int] = field(default_factory=list)
    dead_above: float = 0.0
    values: list[ValueReport] = field(default_factory=list)
    angle_unit: str | None = None
    has_checksums: bool = False
    largest_uvw_difference: float | None = None
    largest_length_deviation: float | None = None
    usable: dict[str, bool] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str | None = None

    def line(self) -> str:
        """Return the report in one line."""
        if self.error is not None:
            return self.error
        uses = ", ".join(name for name, can in self.usable.items() if can) or "nothing"
        sums = "checksums right" if self.has_checksums else "no checksums"
        return (
            f"{self.path}: {self.n_entries} events, {len(self.dead)} dead sensors, {sums}; usable for {uses}"
        )

    @property
    def is_usable(self) -> bool:
        """Whether the file can be used for anything."""
        return any(self.usable.values())
