"""What a training gets of the files at a time."""

from __future__ import annotations

from torch import Tensor

Batch = dict[str, Tensor]
"""Branches by their names in the schema, (n, …) each."""
