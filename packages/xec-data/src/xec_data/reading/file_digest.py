"""Recognition of files that have been read before."""

from __future__ import annotations

import hashlib
from pathlib import Path

HEADER_BYTES = 4096
"""Bytes of a file that are hashed: ROOT's header has a unique id of the file and the position of its end."""

_DIGEST_CHARACTERS = 32


def header_digest(path: Path) -> str:
    """Compute a hash of a file's header and length: the same cost for a file of any length."""
    content = hashlib.sha256(str(path.stat().st_size).encode())
    with path.open("rb") as file:
        content.update(file.read(HEADER_BYTES))
    return content.hexdigest()[:_DIGEST_CHARACTERS]
