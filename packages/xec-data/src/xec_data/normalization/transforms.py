"""Photons and seconds to the numbers that a network likes, and exactly back; in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from xec_data.schema.branches import is_invalid
from xec_geometry.errors import did_you_mean

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Scheme:
    """A way to compress photon counts.

    Attributes
    ----------
    name
        Name in the configuration.
    formula, domain
        For people.
    lowest
        (s₁) → the lowest count of the domain.
    includes_lowest
        Whether that count itself belongs to the domain.
    forward, inverse
        (x, s₁, s₂) → y and (y, s₁, s₂) → x.
    """

    name: str
    formula: str
    domain: str
    lowest: Callable[[float], float]
    includes_lowest: bool
    forward: Callable[[Array, float, float], Array]
    inverse: Callable[[Array, float, float], Array]

    def in_domain(self, x: ArrayLike, scale: float) -> NDArray[np.bool_]:
        """Tell which counts the scheme can transform, given its s₁."""
        lowest = self.lowest(scale)
        return np.asarray(np.greater_equal(x, lowest) if self.includes_lowest else np.greater(x, lowest))


_ANSCOMBE = 3 / 8
_LOG1P_EDGE = 0.999


def _square_of_positive(y: Array) -> Array:
    # A network may answer below the lowest value that the forward transform has: that is the domain's edge.
    return np.square(np.maximum(y, 0))


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            "log1p",
            "ln(1 + x/s₁)/s₂",
            "x > −0.999·s₁",
            lambda s1: -_LOG1P_EDGE * s1,
            False,
            lambda x, s1, s2: np.log1p(x / s1) / s2,
            lambda y, s1, s2: s1 * np.expm1(y * s2),
        ),
        Scheme(
            "anscombe",
            "√(x + 3/8)/√(s₁ + 3/8)",
            "x ≥ −3/8",
            lambda _: -_ANSCOMBE,
            True,
            lambda x, s1, _: np.sqrt(x + _ANSCOMBE) / float(np.sqrt(s1 + _ANSCOMBE)),
            lambda y, s1, _: _square_of_positive(y) * (s1 + _ANSCOMBE) - _ANSCOMBE,
        ),
        Scheme(
            "sqrt",
            "√x/√s₁",
            "x ≥ 0",
            lambda _: 0.0,
            True,
            lambda x, s1, _: np.sqrt(x) / float(np.sqrt(s1)),
            lambda y, s1, _: _square_of_positive(y) * s1,
        ),
        Scheme(
            "linear",
            "x/s₁",
            "all x",
            lambda _: -np.inf,
            True,
            lambda x, s1, _: x / s1,
            lambda y, s1, _: y * s1,
        ),
    )
}

PRESETS: dict[str, dict[str, float | str]] = {
    "default": {
        "npho_scheme": "log1p",
        "npho_scale": 1000.0,
        "npho_scale2": 4.08,
        "time_scale": 1.14e-7,
        "time_shift": -0.46,
        "sentinel_npho": -1.0,
        "sentinel_time": -1.0,
    },
    "legacy": {
        "npho_scheme": "log1p",
        "npho_scale": 0.58,
        "npho_scale2": 1.0,
        "time_scale": 6.5e-8,
        "time_shift": 0.5,
        "sentinel_npho": -5.0,
        "sentinel_time": -5.0,
    },
}


class NormalizationConfig(BaseModel):
    """How raw readings become the input of a network. A preset gives what is not stated."""

    model_config = ConfigDict(extra="forbid")

    preset: str = Field("default", description="default or legacy: gives the values that are not stated here")
    npho_scheme: str = Field(
        "log1p", description="log1p, anscombe, sqrt or linear: how counts are compressed"
    )
    npho_scale: float = Field(1000.0, gt=0, description="s1 of the scheme, photons")
    npho_scale2: float = Field(4.08, gt=0, description="s2 of the scheme, used by log1p")
    time_scale: float = Field(
        1.14e-7, gt=0, description="a time t becomes t/time_scale - time_shift; seconds"
    )
    time_shift: float = Field(-0.46, description="subtracted from the scaled time")
    sentinel_npho: float = Field(-1.0, description="what an invalid count becomes")
    sentinel_time: float = Field(-1.0, description="what an invalid time becomes")
    npho_threshold: float = Field(100.0, description="photons; below it a sensor's time is invalid")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "default")
        if preset not in PRESETS:
            hint = did_you_mean(str(preset), PRESETS)
            raise ValueError(f"unknown preset '{preset}'{hint}; expected {' or '.join(PRESETS)}")
        return {**PRESETS[preset], **values}

    @field_validator("npho_scheme")
    @classmethod
    def _known_scheme(cls, name: str) -> str:
        if name not in SCHEMES:
            raise ValueError(
                f"unknown scheme '{name}'{did_you_mean(name, SCHEMES)}; expected {', '.join(SCHEMES)}"
            )
        return name

    @classmethod
    def from_preset(cls, preset: str) -> Self:
        """Build the configuration of a preset."""
        return cls.model_validate({"preset": preset})


class NphoTransform:
    """Photon counts to normalized numbers and back.

    Parameters
    ----------
    config
        The constants.
    """

    def __init__(self, config: NormalizationConfig | None = None) -> None:
        self.config = config or NormalizationConfig()
        self.scheme = SCHEMES[self.config.npho_scheme]

    def forward(self, npho: ArrayLike) -> Array:
        """Normalize counts.

        Parameters
        ----------
        npho
            Photons, any shape.

        Returns
        -------
        numpy.ndarray
            Same shape and precision. A count below the scheme's domain is taken as 0 photons, an invalid
            one becomes the sentinel.
        """
        x = _floating(npho)
        invalid = is_invalid(x)
        usable = ~invalid & self.scheme.in_domain(x, self.config.npho_scale)
        x = np.where(usable, x, x.dtype.type(0))
        y = self.scheme.forward(x, self.config.npho_scale, self.config.npho_scale2)
        return np.where(invalid, x.dtype.type(self.config.sentinel_npho), y)

    def inverse(self, normalized: ArrayLike) -> Array:
        """Turn normalized counts into photons; sentinels are numbers like others here.

        Parameters
        ----------
        normalized
            Any shape.

        Returns
        -------
        numpy.ndarray
            Photons, same shape and precision.
        """
        y = _floating(normalized)
        with np.errstate(over="ignore"):
            return self.scheme.inverse(y, self.config.npho_scale, self.config.npho_scale2)


class TimeTransform:
    """Times to normalized numbers and back.

    Parameters
    ----------
    config
        The constants.
    """

    def __init__(self, config: NormalizationConfig | None = None) -> None:
        self.config = config or NormalizationConfig()

    def forward(self, time: ArrayLike, valid: ArrayLike | None = None) -> Array:
        """Normalize times.

        Parameters
        ----------
        time
            Seconds, any shape.
        valid
            Which times may be used (see `valid_time`); by default all readings that are numbers.

        Returns
        -------
        numpy.ndarray
            Same shape and precision; an invalid time becomes the sentinel.
        """
        t = _floating(time)
        usable = ~is_invalid(t)
        if valid is not None:
            usable &= np.asarray(valid, dtype=bool)
        zero, sentinel = t.dtype.type(0), t.dtype.type(self.config.sentinel_time)
        scaled = np.where(usable, t, zero) / self.config.time_scale - self.config.time_shift
        return np.where(usable, scaled, sentinel)

    def inverse(self, normalized: ArrayLike) -> Array:
        """Turn normalized times into seconds; sentinels are numbers like others here."""
        return (_floating(normalized) + self.config.time_shift) * self.config.time_scale


def valid_time(npho: ArrayLike, time: ArrayLike, config: NormalizationConfig) -> NDArray[np.bool_]:
    """Tell which times carry information.

    Parameters
    ----------
    npho, time
        Photons and seconds, same shape.
    config
        Gives the threshold: the timing error grows as 1/√npho.

    Returns
    -------
    numpy.ndarray
        True where count and time are valid readings and the count reaches the threshold.
    """
    counts = np.asarray(npho)
    return ~is_invalid(time) & ~is_invalid(counts) & (counts >= config.npho_threshold)


def _floating(x: ArrayLike) -> Array:
    array = np.asarray(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)
