"""The section ``reweighting``: which events count more because there are few like them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xec_train.config.base import Section

_Bins = Annotated[int, Field(ge=1)]
_ENABLED = "training events weigh the more the rarer their true value is"
_NBINS = "bins of the histogram of the true values"


class TaskReweighting(Section):
    """Weights from a histogram of one true value."""

    enabled: bool = Field(False, description=_ENABLED)
    nbins: int = Field(30, ge=1, description=_NBINS)

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth that span the histogram, and the number of bins along each."""
        return {0: self.nbins}


class AngleReweighting(TaskReweighting):
    """Weights from a histogram of the true emission angles."""

    mode: Literal["theta", "phi", "theta_phi"] = Field("theta_phi", description="histogram of what")
    nbins: int = Field(30, ge=1, description="bins of the modes theta and phi")
    nbins_2d: tuple[_Bins, _Bins] = Field((20, 20), description="bins in θ and φ of the mode theta_phi")

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth (θ, φ) that span the histogram, and the number of bins along each."""
        one = {"theta": {0: self.nbins}, "phi": {1: self.nbins}}
        return one.get(self.mode, dict(enumerate(self.nbins_2d)))


class PositionReweighting(TaskReweighting):
    """Weights from a histogram of the true first interaction point, in three dimensions."""

    nbins: int = Field(30, ge=1, description="bins in the depth w")
    nbins_2d: tuple[_Bins, _Bins] = Field((10, 10), description="bins in u and v")

    @property
    def bins(self) -> dict[int, int]:
        """Columns of the truth (u, v, w) that span the histogram, and the number of bins along each."""
        return dict(enumerate((*self.nbins_2d, self.nbins)))


class ReweightingConfig(Section):
    """Weights of training events, by task; validation counts every event once."""

    angle: AngleReweighting = Field(
        default_factory=AngleReweighting, description="By the emission angles; needs the task angle"
    )
    energy: TaskReweighting = Field(
        default_factory=TaskReweighting, description="By the energy; needs the task energy"
    )
    timing: TaskReweighting = Field(
        default_factory=TaskReweighting, description="By the time; needs the task timing"
    )
    uvwFI: PositionReweighting = Field(  # noqa: N815 (the task's name)
        default_factory=PositionReweighting, description="By the position; needs the task uvwFI"
    )

    @property
    def enabled(self) -> dict[str, TaskReweighting]:
        """The tasks whose events are weighted."""
        every = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in every.items() if section.enabled}
