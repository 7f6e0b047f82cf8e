"""Pictures inside a page: as small as they may be."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from xec_analysis.errors import AnalysisError

_WIDTHS = (1700, 1300, 1000, 750, 500)
_COLOURS = 128


def embed_pictures(paths: Sequence[Path], most_bytes: int) -> list[str]:
    """Encode pictures as addresses with the data in them.

    Parameters
    ----------
    paths
        PNG files.
    most_bytes
        Length of all addresses together; wide pictures are made narrower until they fit.

    Raises
    ------
    AnalysisError
        If they do not fit, however narrow.
    """
    total = 0
    for width in _WIDTHS:
        encoded = [_encode(path, width) for path in paths]
        total = sum(map(len, encoded))
        if total <= most_bytes:
            return encoded
    raise AnalysisError(
        f"{len(paths)} pictures of {_WIDTHS[-1]} pixels take {total / 1e6:.1f} MB; expected at most "
        f"{most_bytes / 1e6:.1f} MB: fewer tasks (--task) or fewer events fit"
    )


def _encode(path: Path, width: int) -> str:
    from PIL import Image

    with Image.open(path) as opened:
        picture = Image.new("RGB", opened.size, "white")
        picture.paste(opened, mask=opened.getchannel("A") if "A" in opened.getbands() else None)
    if picture.width > width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    # Plots have few colours; a palette takes a third of the space.
    content = io.BytesIO()
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
