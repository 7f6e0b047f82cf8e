"""torch as the namespace of formulas that are written once for numpy and torch."""

from __future__ import annotations

from typing import cast

import torch

from xec_geometry.support.namespace import ArrayNamespace

# A cast: mypy does not find torch's functions through the star imports of its stubs.
TORCH = cast("ArrayNamespace", torch)
"""The array namespace that a formula takes in place of ``numpy``."""
