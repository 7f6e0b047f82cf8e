"""Means over events, accumulated from means over batches."""

from __future__ import annotations

import torch
from torch import Tensor

from xec_train.processes.group import Processes


class Means:
    """Means over events; they stay on the device.

    Parameters
    ----------
    sums, n_events
        Sums and number of the events added before.
    """

    def __init__(self, sums: dict[str, Tensor] | None = None, n_events: int = 0) -> None:
        self.sums: dict[str, Tensor] = dict(sums or {})
        self.n_events = n_events

    def add(self, means: dict[str, Tensor], n_events: int) -> None:
        """Add a batch."""
        for name, mean in means.items():
            part = mean.detach().double() * n_events
            self.sums[name] = self.sums[name] + part if name in self.sums else part
        self.n_events += n_events

    def over(self, processes: Processes) -> Means:
        """Return the means over the events of all processes. A collective call."""
        if not processes.is_distributed:
            return self
        total = Means()
        # In the same order for all of them, so that they get the same numbers to the last bit.
        own = {name: float(part) for name, part in self.sums.items()}
        for sums, n_events in processes.all_gather((own, self.n_events)):
            for name, part in sums.items():
                number = torch.tensor(part, dtype=torch.float64)
                total.sums[name] = total.sums.get(name, torch.zeros_like(number)) + number
            total.n_events += n_events
        return total

    def values(self, prefix: str = "") -> dict[str, float]:
        """Return the means so far; this waits for the device."""
        return {prefix + name: float(total) / max(1, self.n_events) for name, total in self.sums.items()}
