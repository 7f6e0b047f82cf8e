"""The keys of a space file: what is searched, how, and for which metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from xec_data.configuration.choice import OneOf
from xec_train.scan.pruners import PRUNERS
from xec_train.scan.samplers import SAMPLERS

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""Names of studies and steps: they become names of folders."""

FromBest = Literal["nothing", "values", "weights"]
Number = int | float


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Parameter(_Section):
    """The values that a key of the configuration can have: a range or a list of choices."""

    low: Number | None = Field(None, description="smallest value")
    high: Number | None = Field(None, description="largest value")
    log: bool = Field(False, description="whether factors count, not differences")
    step: Number | None = Field(None, gt=0, description="distance of neighbouring values")
    choices: list[Any] | None = Field(None, description="all values, one by one")

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, data: Any) -> Any:
        return {"choices": data} if isinstance(data, list) else data

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.step is not None or self.log:
                raise ValueError("choices stand alone, without low, high, log and step")
            if not self.choices:
                raise ValueError("no choices, expected at least one")
            if len({repr(choice) for choice in self.choices}) < len(self.choices):
                raise ValueError(f"found {self.choices}, expected every choice once")
            return self
        if self.low is None or self.high is None:
            raise ValueError("expected low and high, or a list of choices")
        if self.low > self.high:
            raise ValueError(f"low is {self.low:g}, expected at most high, {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}, expected a number > 0 because of log")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other; expected one of them, or a list of choices")
        return self


class Method(BaseModel):
    """A sampler or pruner: its name, or a section with its name and options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data

    @property
    def options(self) -> dict[str, Any]:
        """Its options by name."""
        return dict(self.model_extra or {})


class SamplerChoice(Method):
    """A sampler."""

    name: Annotated[str, OneOf("sampler", lambda: SAMPLERS)] = Field(description="name of the sampler")


class PrunerChoice(Method):
    """A pruner."""

    name: Annotated[str, OneOf("pruner", lambda: PRUNERS)] = Field(description="name of the pruner")


class _Search(_Section):
    trials: int | None = Field(None, ge=1, description="number of trials; a grid has as many as points")
    sampler: SamplerChoice | None = Field(None, description="how values are chosen (tpe)")
    pruner: PrunerChoice | None = Field(None, description="which trials end early (none)")
    space: dict[str, Parameter] = Field(default_factory=dict, description="key → range or choices")
    settings: dict[str, Any] = Field(default_factory=dict, description="key → value that all its trials have")


class StepSection(_Search):
    """A step of a chain."""

    name: str = Field(pattern=rf"^{NAME}$", description="name of the step, part of the names of its runs")
    from_best: FromBest = Field(
        "values", description="what is taken over from the best trial of the step before"
    )


class SpaceFile(_Search):
    """A space file."""

    name: str | None = Field(None, pattern=rf"^{NAME}$", description="name of the study (that of the file)")
    metric: str = Field("val_loss", description="metric of an epoch")
    direction: Literal["minimize", "maximize"] = Field("minimize", description="which end is the good one")
    seed: int = Field(0, ge=0, description="seed of the samplers")
    retries: int = Field(
        3, ge=0, description="how often a trial is tried again whose worker was killed or lost"
    )
    artifacts: bool = Field(False, description="whether every trial writes predictions, exports and plots")
    steps: list[StepSection] = Field(default_factory=list, description="steps of a chain")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.space) == bool(self.steps):
            found = "both" if self.space else "neither"
            raise ValueError(f"found {found} of space and steps, expected one of them")
        names = [step.name for step in self.steps]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"steps: found {', '.join(twice)} twice, expected different names")
        return self

    @property
    def sign(self) -> int:
        """Factor on values of the metric with which the smallest is the best."""
        return 1 if self.direction == "minimize" else -1

    @property
    def searches(self) -> tuple[Search, ...]:
        """The steps with all that they inherit; a space without steps is one step without a name."""
        sampler, pruner = self.sampler or SamplerChoice(name="tpe"), self.pruner or PrunerChoice(name="none")
        if not self.steps:
            return (Search("", self.trials, sampler, pruner, self.space, self.settings, "nothing", "space"),)
        return tuple(
            Search(
                step.name,
                step.trials or (None if SAMPLERS[(step.sampler or sampler).name].is_grid else self.trials),
                step.sampler or sampler,
                step.pruner or pruner,
                step.space,
                {**self.settings, **step.settings},
                step.from_best if number else "nothing",
                f"steps.{number}.space",
            )
            for number, step in enumerate(self.steps)
        )


@dataclass(frozen=True)
class Search:
    """A step: what is searched, and how.

    Attributes
    ----------
    name
        Its name; empty if it is the only one.
    trials
        Number of trials; None: as many as a grid has points.
    sampler, pruner
        How values are chosen, and which trials end early.
    space
        Key of the configuration → its values.
    settings
        Key → value that all trials have.
    from_best
        What is taken over from the best trial of the step before.
    place
        Where its space stands in the file, for messages.
    """

    name: str
    trials: int | None
    sampler: SamplerChoice
    pruner: PrunerChoice
    space: dict[str, Parameter]
    settings: dict[str, Any] = field(default_factory=dict)
    from_best: FromBest = "nothing"
    place: str = "space"

    @property
    def is_grid(self) -> bool:
        """Whether every combination is tried once."""
        return SAMPLERS[self.sampler.name].is_grid
