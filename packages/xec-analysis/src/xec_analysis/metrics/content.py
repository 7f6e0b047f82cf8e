"""What `metrics.json` holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the file's format; a change that readers have to know raises it."""

Kind = Literal["residual", "relative", "pull", "joint", "class"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Value(_Part):
    """A number and its statistical error; None where one is not defined.

    Attributes
    ----------
    value, error
        In the unit of the series, but for skewness and pulls, which have none.
    """

    value: float | None = None
    error: float | None = None


class Core(_Part):
    """The fit of the Gaussian core.

    Attributes
    ----------
    status
        ``good``; ``poor``, if a χ² as large has a probability below 0.001; or ``failed: …``.
    model
        The shape with the lowest AIC; None after a failure.
    sigma, peak
        Standard deviation and mean of the core, with errors from the covariance of the fit.
    shape
        The further parameters of the shape, by name.
    chi2, ndf
        Of counts in bins.
    aic
        Akaike's criterion of every shape whose fit is good, less that of the best.
    """

    status: str
    model: str | None = None
    sigma: Value = Value()
    peak: Value = Value()
    shape: dict[str, Value] = Field(default_factory=dict)
    chi2: float | None = None
    ndf: int | None = None
    aic: dict[str, float] = Field(default_factory=dict)


class Bin(_Part):
    """Events in an interval of a variable.

    Attributes
    ----------
    low, high
        Limits, in the unit of the variable; events at `low` belong to it, at `high` only in the last bin. Of
        bins that follow the data: the least and the largest value.
    centre
        Median of the variable; None without events.
    events
        Number of events.
    values, core
        As in `Series`.
    """

    low: float
    high: float
    centre: float | None
    events: int
    values: dict[str, Value]
    core: Core | None = None


class Binning(_Part):
    """The bins of one variable, in ascending order.

    Attributes
    ----------
    variable, unit
        Its name, and its unit in files.
    outside
        Events in no bin, or without a value of the variable.
    bins
        The bins.
    """

    variable: str
    unit: str
    outside: int
    bins: list[Bin]


class Series(_Part):
    """The numbers of one quantity, as one estimate has it.

    Attributes
    ----------
    estimate
        ``network``, with a variant ``network_<variant>``, or ``conventional``.
    task, quantity
        The task, and its output or its measure of all outputs together.
    kind
        ``residual`` (estimate − reference), ``relative`` (the same over the reference), ``pull`` (residual
        over predicted σ), ``joint`` (opening angle, distance) or ``class`` (share of right classes).
    unit
        Unit of all values; empty for pure numbers.
    events
        Number of events.
    left_out
        Entries of the file without a finite estimate or a valid reference.
    values
        By the name of the measure.
    core
        The fit of the core; None where there is none to fit.
    binnings
        The same in bins.
    """

    estimate: str
    task: str
    quantity: str
    kind: Kind
    unit: str
    events: int
    left_out: int
    values: dict[str, Value]
    core: Core | None = None
    binnings: list[Binning] = Field(default_factory=list)

    def value(self, measure: str) -> Value:
        """Return one measure; without numbers if this kind of series does not have it."""
        return self.values.get(measure, Value())


class Metrics(_Part):
    """All numbers of a run or file.

    Attributes
    ----------
    format
        `FORMAT` when it was written.
    name
        Name of the run, or of the file.
    reference
        What estimates are compared with.
    method
        How numbers and errors were found, by the name of the measure.
    versions
        Of the packages.
    notes
        What a reader has to know.
    series
        One for each estimate and quantity.
    """

    format: int = FORMAT
    name: str
    reference: str
    method: dict[str, str]
    versions: dict[str, str]
    notes: list[str] = Field(default_factory=list)
    series: list[Series]

    def of_estimate(self, estimate: str) -> list[Series]:
        """Return all series of one estimate."""
        return [series for series in self.series if series.estimate == estimate]

    def find(
        self, task: str, quantity: str, kind: Kind = "residual", estimate: str = "network"
    ) -> Series | None:
        """Return one series; None if there is none."""
        wanted = (estimate, task, quantity, kind)
        return next((s for s in self.series if (s.estimate, s.task, s.quantity, s.kind) == wanted), None)
