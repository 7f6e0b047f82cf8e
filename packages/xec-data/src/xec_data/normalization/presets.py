"""The table of presets: sets of constants for the normalization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xec_data.errors import DataError
from xec_geometry.support.registry import Registry


@dataclass(frozen=True)
class Preset:
    """Constants that go together.

    Attributes
    ----------
    name
        Name in the configuration.
    summary
        One line for people.
    values
        Keys of `NormalizationConfig` and their values.
    """

    name: str
    summary: str
    values: Mapping[str, float | str]


PRESETS: Registry[Preset] = Registry(
    "preset",
    (
        Preset(
            "default",
            "for new networks",
            {
                "npho_scheme": "log1p",
                "npho_scale": 1000.0,
                "npho_scale2": 4.08,
                "time_scale": 1.14e-7,
                "time_shift": -0.46,
                "sentinel_npho": -1.0,
                "sentinel_time": -1.0,
            },
        ),
        Preset(
            "legacy",
            "of the earlier system",
            {
                "npho_scheme": "log1p",
                "npho_scale": 0.58,
                "npho_scale2": 1.0,
                "time_scale": 6.5e-8,
                "time_shift": 0.5,
                "sentinel_npho": -5.0,
                "sentinel_time": -5.0,
            },
        ),
    ),
    error=DataError,
)
"""Every preset by its name."""
