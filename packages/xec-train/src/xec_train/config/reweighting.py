"""The section ``reweighting``: weights of events with rare true values."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, create_model

from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_train.config.base import Section

_Bins = Annotated[int, Field(ge=1)]
_ENABLED = "weight events inversely to the density of their true value, in training"
_NBINS = "bins of the histogram of the true values"


class TaskReweighting(Section):
    """Weights from a histogram of one true value."""

    enabled: bool = Field(False, description=_ENABLED)
    nbins: int = Field(30, ge=1, description=_NBINS)

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth that span the histogram, and the number of bins along each."""
        return {0: self.nbins}


class OutputsReweighting(TaskReweighting):
    """Weights from a joint histogram of several true values."""

    nbins: int = Field(10, ge=1, description="bins along each of the true values")
    n_outputs: ClassVar[int] = 0

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth that span the histogram, and the number of bins along each."""
        return dict.fromkeys(range(self.n_outputs), self.nbins)


class AngleReweighting(TaskReweighting):
    """Weights from a histogram of the true emission angles."""

    mode: Literal["theta", "phi", "theta_phi"] = Field("theta_phi", description="variables of the histogram")
    nbins: int = Field(30, ge=1, description="bins of the modes theta and phi")
    nbins_2d: tuple[_Bins, _Bins] = Field((20, 20), description="bins in θ and φ of the mode theta_phi")

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth (θ, φ) that span the histogram, and the number of bins along each."""
        one = {"theta": {0: self.nbins}, "phi": {1: self.nbins}}
        return one.get(self.mode, dict(enumerate(self.nbins_2d)))


class PositionReweighting(TaskReweighting):
    """Weights from a histogram of the true first interaction point, in three dimensions."""

    nbins: Annotated[int, Field(ge=1)] | None = Field(  # type: ignore[assignment]
        None, description="bins in the depth w; null: as many as in u"
    )
    nbins_2d: tuple[_Bins, _Bins] = Field((10, 10), description="bins in u and v")

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth (u, v, w) that span the histogram, and the number of bins along each."""
        return dict(enumerate((*self.nbins_2d, self.nbins or self.nbins_2d[0])))


class _Reweighting(Section):
    @property
    def enabled(self) -> dict[str, TaskReweighting]:
        """The tasks whose events are weighted."""
        every = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in every.items() if section.enabled}


_OWN_SECTIONS: dict[str, type[TaskReweighting]] = {"angle": AngleReweighting, "uvwFI": PositionReweighting}
"""Tasks whose histogram has keys of its own."""


def _section(task: Task) -> tuple[type[TaskReweighting], Any]:
    section = _OWN_SECTIONS.get(task.name, TaskReweighting)
    if section is TaskReweighting and len(task.outputs) > 1:
        section = type("OutputsReweighting", (OutputsReweighting,), {"n_outputs": len(task.outputs)})
    title = (task.title or task.name).lower()
    return section, Field(default_factory=section, description=f"By the {title}; needs the task {task.name}")


ReweightingConfig = create_model(
    "ReweightingConfig",
    __base__=_Reweighting,
    __doc__="Weights of training events, by task; validation counts every event once.",
    **{name: _section(task) for name, task in TASKS.items()},  # type: ignore[call-overload]
)
