"""Settings of the measurement of lines: one YAML file with range, cuts, patches and the shape of the line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from xec_analysis.errors import AnalysisError
from xec_analysis.fitting.line_fit import FEWEST, Method
from xec_analysis.fitting.line_models import LINE_MODELS
from xec_analysis.runs.text_files import read_text
from xec_data.configuration.choice import OneOf
from xec_data.configuration.yaml_text import read_yaml
from xec_data.reading.file_paths import missing_file
from xec_geometry import FIDUCIAL
from xec_geometry.errors import did_you_mean

# Two energies that are nearer to each other than this fraction are the same line.
_SAME_LINE = 0.01


def _increasing(edges: tuple[float, ...]) -> tuple[float, ...]:
    if len(edges) < 2 or any(not low < high for low, high in pairwise(edges)):
        raise ValueError(
            f"found {list(edges)}, expected two or more numbers, each larger than the one before"
        )
    return edges


def _ordered(bounds: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = bounds
    if (low is None and high is None) or (low is not None and high is not None and not low < high):
        raise ValueError(
            f"found [{_yaml(low)}, {_yaml(high)}], expected [low, high], one of which may be null"
        )
    return bounds


def _yaml(value: float | None) -> str:
    return "null" if value is None else f"{value:g}"


def _around_one(fractions: tuple[float, float]) -> tuple[float, float]:
    if not 0 < fractions[0] < 1 < fractions[1]:
        raise ValueError(
            f"found {list(fractions)}, expected fractions of the line's energy such as [0.8, 1.15]"
        )
    return fractions


Number = Annotated[float, Field(allow_inf_nan=False)]
Edges = Annotated[tuple[Number, ...], AfterValidator(_increasing)]
Bounds = Annotated[tuple[Number | None, Number | None], AfterValidator(_ordered)]
Fractions = Annotated[tuple[Number, Number], AfterValidator(_around_one)]
ModelName = Annotated[str, OneOf("line model", lambda: LINE_MODELS)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Patches(_Model):
    """Edges of the patches of the inner face, in cm."""

    u: Edges = (-FIDUCIAL.u_max, -8.0, 8.0, FIDUCIAL.u_max)
    v: Edges = (-FIDUCIAL.v_max, -22.6, 22.6, FIDUCIAL.v_max)


class LineOverrides(_Model):
    """What is different for one line.

    Attributes
    ----------
    energy
        Energy of the line in GeV.
    model, range, cuts
        As in `LineSettings`; the cuts add to those of all lines.
    """

    energy: Number = Field(gt=0)
    model: ModelName | None = None
    range: Fractions | None = None
    cuts: dict[str, Bounds] = Field(default_factory=dict)


class LineSettings(_Model):
    """How lines are measured.

    Attributes
    ----------
    model
        Shape of the line, a name of `LINE_MODELS`.
    method
        Likelihood: ``unbinned``, ``binned``, or ``auto``.
    range
        Lowest and highest energy of the fit, as fractions of the line's energy.
    position
        Whose u, v, w sort the events into patches and depths: ``network``, ``conventional``, ``truth``, or
        ``auto``, the first of them that the file has.
    patches
        Edges in u and v.
    depths
        Edges in w, in cm.
    cuts
        Column of the file → [low, high], one of which may be null; ``name[k]`` is one number of
        several.
    fewest
        With fewer events in the range there is no fit.
    lines
        What is different for single lines.
    """

    model: ModelName = "tailed_gaussian"
    method: Method = "auto"
    range: Fractions = (0.80, 1.15)
    position: Literal["auto", "network", "conventional", "truth"] = "auto"
    patches: Patches = Patches()
    depths: Edges = (0.0, 2.0, 4.0, 7.0, 11.0, 38.0)
    cuts: dict[str, Bounds] = Field(default_factory=dict)
    fewest: int = Field(FEWEST, ge=10)
    lines: tuple[LineOverrides, ...] = ()

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        energies = sorted(line.energy for line in self.lines)
        twice = [low for low, high in pairwise(energies) if math.isclose(low, high, rel_tol=_SAME_LINE)]
        if twice:
            raise ValueError(f"lines: found the energy {twice[0]:g} GeV twice, expected each line once")
        return self

    def of_line(self, energy: float) -> LineSettings:
        """Return the settings of one line, its energy in GeV."""
        for line in self.lines:
            if math.isclose(line.energy, energy, rel_tol=_SAME_LINE):
                changed = {name: value for name in ("model", "range") if (value := getattr(line, name))}
                return self.model_copy(update={**changed, "cuts": {**self.cuts, **line.cuts}, "lines": ()})
        return self.model_copy(update={"lines": ()})


def read_line_settings(path: str | Path) -> LineSettings:
    """Read settings from a YAML file.

    Raises
    ------
    AnalysisError
        With all its problems, if the file cannot be read or is not as it has to be.
    """
    path = Path(path)
    try:
        data = read_yaml(read_text(path).removeprefix("\ufeff"), str(path))
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(data or {}, dict):
        raise AnalysisError(f"{path}: expected the keys {', '.join(LineSettings.model_fields)}")
    try:
        return LineSettings.model_validate(data or {})
    except ValidationError as error:
        problems = list(dict.fromkeys(_problems(error)))
    if len(problems) == 1:
        raise AnalysisError(f"{path}: {problems[0]}")
    raise AnalysisError("\n  ".join([f"{path}: {len(problems)} problems", *problems]))


def _problems(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False):
        place = item["loc"]
        key = ".".join(str(part) for part in place)
        message = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            known = _section(place).model_fields
            yield f"{key}: unknown key{did_you_mean(str(place[-1]), known)}; expected {', '.join(known)}"
        elif item["type"] == "missing":
            yield f"{key}: missing"
        elif item["type"] in ("value_error", "one_of"):
            yield f"{key}: {message}" if key else message
        else:
            yield f"{key}: found {_short(item['input'])}, {message}"


def _section(place: tuple[int | str, ...]) -> type[_Model]:
    if place[0] == "patches" and len(place) > 1:
        return Patches
    return LineOverrides if place[0] == "lines" and len(place) > 1 else LineSettings


def _short(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
