"""Formulas that are written once for numpy and for torch: the array namespace that they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Function = Callable[..., Any]


class ArrayNamespace(Protocol):
    """Functions that numpy and torch have in common, with the same names and positional arguments.

    A formula takes ``numpy`` or ``torch`` as its first argument; arguments by keyword differ between the two
    (``axis``, ``dim``) and are to be avoided.
    """

    @property
    def abs(self) -> Function:
        """(x)"""

    @property
    def arctan2(self) -> Function:
        """(y, x)"""

    @property
    def asinh(self) -> Function:
        """(x)"""

    @property
    def clip(self) -> Function:
        """(x, lowest or None, highest or None)"""

    @property
    def cos(self) -> Function:
        """(x)"""

    @property
    def deg2rad(self) -> Function:
        """(x)"""

    @property
    def exp(self) -> Function:
        """(x)"""

    @property
    def expm1(self) -> Function:
        """(x)"""

    @property
    def log(self) -> Function:
        """(x)"""

    @property
    def log1p(self) -> Function:
        """(x)"""

    @property
    def mean(self) -> Function:
        """(x, axis)"""

    @property
    def rad2deg(self) -> Function:
        """(x)"""

    @property
    def sin(self) -> Function:
        """(x)"""

    @property
    def sinh(self) -> Function:
        """(x)"""

    @property
    def sqrt(self) -> Function:
        """(x)"""

    @property
    def square(self) -> Function:
        """(x)"""

    @property
    def stack(self) -> Function:
        """(arrays, axis)"""

    @property
    def sum(self) -> Function:
        """(x, axis)"""

    @property
    def tanh(self) -> Function:
        """(x)"""
