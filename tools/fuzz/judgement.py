"""The judgement on an input: read right, refused in one line, or a finding."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.fuzz.example import Example, Target
from tools.fuzz.limits import SECONDS, limits

from xec_geometry.errors import XecError, XecWarning, is_out_of_memory

_SEVERAL_LINES = "ConfigError"
_RESERVES = "/uproot/"


@dataclass(frozen=True)
class Finding:
    """Something that reading an input must not do.

    Attributes
    ----------
    kind
        Same for what probably has the same cause.
    text
        For people, in several lines.
    """

    kind: str
    text: str


def judge(target: Target, folder: Path, example: Example, seconds: float = SECONDS) -> Finding | None:
    """Write an input into a folder and read it; return what is wrong with that."""
    example.write(folder)
    try:
        with limits(seconds), warnings.catch_warnings():
            warnings.simplefilter("error")
            for fine in (XecWarning, FutureWarning, ResourceWarning):
                warnings.simplefilter("ignore", fine)
            target.read(folder, example)
    except XecError as error:
        return _of_refusal(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Finding(_kind(error), _traceback(error))
    return None


def _of_refusal(error: XecError) -> Finding | None:
    # What it comes from: the texts of the others repeat it.
    *_, first = _causes(error)
    if _is_memory(first):
        return Finding(f"memory, {_kind(error)}", _traceback(error))
    message = str(error)
    lines = message.splitlines()
    # A configuration tells all its problems, one in a line.
    several = type(error).__name__ == _SEVERAL_LINES or (
        lines and lines[0].endswith(f"{len(lines) - 1} problems")
    )
    if several and all(line.startswith("  ") for line in lines[1:]):
        lines = lines[:1]
    if len(lines) != 1 or not message.strip():
        return Finding(f"lines, {_kind(error)}", f"a message of {len(lines)} lines\n{_traceback(error)}")
    return None


def _is_memory(error: BaseException) -> bool:
    return is_out_of_memory(error) and not _is_reserved_only(error)


def _is_reserved_only(error: BaseException) -> bool:
    """Tell whether uproot asked for what a damaged length says, which it does before it reads."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _RESERVES in frames[-1].filename


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _kind(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/xec_" in frame.filename or "/tools/fuzz/" in frame.filename]
    place = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
