"""Photons and seconds to the numbers that a network likes, and exactly back; in numpy."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from xec_data.configuration.choice import OneOf, Remark
from xec_data.normalization.presets import PRESETS
from xec_data.normalization.schemes import SCHEMES
from xec_data.schema.branches import is_invalid

Array = NDArray[np.floating[Any]]

LARGEST_TIME_SCALE = 1e-4
"""Seconds; a thousand times the times of an event."""


def _users_of_scale2() -> str:
    return "used by " + ", ".join(scheme.name for scheme in SCHEMES.values() if scheme.uses_scale2)


def _scale_of_times(scale: float) -> float:
    # With such a scale all times of an event are the same number.
    if scale > LARGEST_TIME_SCALE:
        raise ValueError(
            f"found {scale:g} s, expected at most {LARGEST_TIME_SCALE:g}: times are divided by it; "
            f"a factor of {scale:g}, as the oldest files have it, is time_scale {1 / scale:.4g}"
        )
    return scale


class NormalizationConfig(BaseModel):
    """How raw readings become the input of a network. A preset gives what is not stated."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    preset: Annotated[str, OneOf("preset", lambda: PRESETS)] = Field(
        "default", description="source of the values that are not stated here"
    )
    npho_scheme: Annotated[str, OneOf("scheme", lambda: SCHEMES)] = Field(
        "log1p", description="compression of the photons x"
    )
    npho_scale: float = Field(1000.0, gt=0, description="scale s₁ of the scheme, photons")
    npho_scale2: Annotated[float, Remark(_users_of_scale2)] = Field(
        4.08, gt=0, description="scale s₂ of the scheme"
    )
    time_scale: Annotated[float, AfterValidator(_scale_of_times)] = Field(
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
        preset = PRESETS.get(str(values.get("preset", "default")))
        return values if preset is None else {**preset.values, **values}

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
            Same shape and precision. A count below the scheme's domain becomes 0, an invalid one the
            sentinel.
        """
        x = _floating(npho)
        invalid = is_invalid(x)
        usable = ~invalid & self.scheme.in_domain(x, self.scheme.lowest(self.config.npho_scale))
        x = np.where(usable, x, x.dtype.type(0))
        y = self.scheme.forward(np, x, self.config.npho_scale, self.config.npho_scale2)
        # Not the scheme's value of 0 photons, which may lie above those of negative counts.
        y = np.where(usable, y, x.dtype.type(0))
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
            photons: Array = self.scheme.inverse(np, y, self.config.npho_scale, self.config.npho_scale2)
        return photons


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
