"""Metrics of a reconstruction over all hidden sensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xec_train.objectives.report import Arrays


def error_metrics(sums: Arrays, channels: Sequence[str]) -> dict[str, float]:
    """Compute mean absolute and root mean square errors of the hidden sensors.

    Parameters
    ----------
    sums
        By face (n, channels, ≥ 3): their number, the sums of |error| and error² of every event.
    channels
        Names of the channels.

    Returns
    -------
    dict
        ``mae_<channel>``, ``rmse_<channel>``, ``mae_<face>_<channel>``, ``rmse_<face>_<channel>``;
        NaN where no sensor was hidden.
    """
    totals = {f"{face}_": np.asarray(values, np.float64).sum(0) for face, values in sums.items()}
    if totals:
        totals[""] = np.sum(list(totals.values()), axis=0)
    metrics = {}
    for face, total in totals.items():
        for channel, (number, absolute, square) in zip(channels, total[:, :3], strict=True):
            number = number or np.nan
            metrics[f"mae_{face}{channel}"] = float(absolute / number)
            metrics[f"rmse_{face}{channel}"] = float(np.sqrt(square / number))
    return metrics
