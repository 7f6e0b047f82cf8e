"""The forms of a network that only an exported graph has: the question when to take them."""

from __future__ import annotations

import torch


def is_exporting() -> bool:
    """Tell whether the network is being traced for a file.

    torch 2.6 does not know: there a compiled network takes the same forms, with the same numbers.
    """
    known = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)
    return bool(known())
