"""How many digits of a number are written."""

from __future__ import annotations

import numpy as np

from xec_analysis.resolution.statistics import Number


def three_digits(value: float, signed: bool = False, like: float | None = None) -> str:
    """Write a number with three significant digits, without an exponent for the sizes that residuals have.

    Parameters
    ----------
    value
        The number; nothing is written if it is not finite.
    signed
        Whether a plus sign is written.
    like
        A number whose digits behind the point are taken over, e.g. the width beside which a bias stands.
    """
    if not np.isfinite(value):
        return ""
    scale = abs(value if like is None or not np.isfinite(like) else like)
    digits = 2 if scale == 0 else int(np.clip(2 - np.floor(np.log10(scale)), 0, 4))
    return (f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}").replace("-", "−")


def with_error(number: Number | None, *, signed: bool = False, places: int = 6) -> str:
    """Write a number with its error, of which two digits count; nothing for no number.

    Parameters
    ----------
    number
        The number; without an error, or with one of zero, three digits are written.
    signed
        Whether a plus sign is written.
    places
        Largest number of digits behind the point.
    """
    if number is None:
        return ""
    if not number.error or not np.isfinite([number.value, number.error]).all():
        return three_digits(number.value, signed)
    digits = int(np.clip(1 - np.floor(np.log10(number.error)), 0, places))
    text = f"{number.value:+.{digits}f}" if signed else f"{number.value:.{digits}f}"
    return f"{text} ± {number.error:.{digits}f}".replace("-", "−")


def error_in_brackets(number: Number | None, *, signed: bool = False) -> str:
    """Write a number with its error in units of the last digits: 2.481(70). As `with_error`.

    An error above one has its point: 83.8(2.4).
    """
    value, _, error = with_error(number, signed=signed).partition(" ± ")
    last = error.removeprefix("0.").lstrip("0") if error.startswith("0.") else error
    return f"{value}({last})" if error else value
