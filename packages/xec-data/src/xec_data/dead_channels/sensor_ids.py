"""Ids of sensors as databases give them."""

from __future__ import annotations

from typing import Any

from xec_data.errors import DataError
from xec_geometry import N_SENSORS


def sensor_of(value: Any, where: str) -> int:
    """Return the id that a value of a database stands for.

    Parameters
    ----------
    value
        A number of any type: some databases have decimal numbers only.
    where
        Its place, for the message.

    Raises
    ------
    DataError
        If it is NULL, no whole number, or no sensor of the detector.
    """
    try:
        sensor = int(value)
        fine = sensor == value and 0 <= sensor < N_SENSORS
    except (TypeError, ValueError, OverflowError):
        fine = False
    if not fine:
        found = "NULL" if value is None else repr(value)
        raise DataError(f"{where}: found {found}; expected a sensor id from 0 to {N_SENSORS - 1}")
    return sensor
