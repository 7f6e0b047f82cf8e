"""What a job asks of a cluster, and the Python environments of its nodes: the keys of ``cluster.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xec_geometry.errors import did_you_mean
from xec_train.cluster.duration import minutes_of

ARCHITECTURES = ("x86_64", "aarch64")
"""Architectures of nodes, as ``uname -m`` names them."""


def _memory(value: object) -> object:
    if not re.fullmatch(r"\d+[KMGT]?", str(value)):
        raise ValueError(f"found {value!r}, expected a size such as 64G")
    return str(value)


def _minutes(value: object) -> object:
    return minutes_of(value) if isinstance(value, str | int) else value


class Section(BaseModel):
    """A section of the file: no unknown keys, and frozen after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Profile(Section):
    """Resources of a job; what is null is left to SLURM."""

    cluster: str | None = Field(None, description="cluster, where SLURM has several (--clusters)")
    partition: str | None = Field(None, description="partition")
    account: str | None = Field(None, description="account that pays")
    qos: str | None = Field(None, description="quality of service")
    constraint: str | None = Field(None, description="features that the nodes must have")
    time: Annotated[int, BeforeValidator(_minutes)] = Field(
        60, ge=1, description="time limit: 12:00:00, 2-00:00:00, or minutes"
    )
    nodes: int = Field(1, ge=1, description="nodes")
    gpus_per_node: int = Field(0, ge=0, description="GPUs of a node, with a process for each")
    tasks_per_node: int | None = Field(
        None, ge=1, description="processes on a node; null: one for each GPU, or one"
    )
    cpus_per_task: int | None = Field(
        None, ge=1, description="cores of a process; one is for the network, the others read"
    )
    mem: Annotated[str, BeforeValidator(_memory)] | None = Field(None, description="memory of a node: 64G")
    signal_seconds: int = Field(
        180, ge=1, description="seconds before the end at which a job is told to write its checkpoint"
    )
    requeue: bool = Field(
        True, description="queue a job again that was preempted or ran out of time; it goes on where it was"
    )
    max_restarts: int = Field(100, ge=0, description="how often at most")
    variables: dict[str, str] = Field(default_factory=dict, description="environment variables of the job")
    sbatch: dict[str, str | int | bool] = Field(
        default_factory=dict, description="further options of sbatch, e.g. {exclude: node7}"
    )

    def of_one_process(self) -> Profile:
        """Return the resources of a job with one process, and one GPU if there are any."""
        gpus = min(1, self.gpus_per_node)
        return self.model_copy(update={"nodes": 1, "tasks_per_node": 1, "gpus_per_node": gpus})

    @property
    def tasks(self) -> int:
        """Processes on a node."""
        return self.tasks_per_node or max(1, self.gpus_per_node)

    @property
    def restarts(self) -> int:
        """How often a job is queued again."""
        return self.max_restarts if self.requeue else 0


class Environment(Section):
    """The Python environment on nodes of an architecture."""

    python: str = Field(description="its Python, e.g. ~/miniforge-arm/envs/xec/bin/python")
    setup: tuple[str, ...] = Field((), description="lines of shell before it, e.g. 'module load cuda'")


class ClusterFile(Section):
    """All of the file."""

    default: str | None = Field(None, description="profile that is used without --profile")
    profiles: dict[str, Profile] = Field(default_factory=dict, description="resources by name")
    environments: dict[str, Environment] = Field(
        default_factory=dict,
        description="Python environments by architecture of the node; none: the one of 'xec submit'",
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.default is not None and self.default not in self.profiles:
            hint = did_you_mean(self.default, self.profiles)
            known = ", ".join(self.profiles) or "none"
            raise ValueError(f"default: no profile '{self.default}'{hint}; profiles: {known}")
        for name in self.environments:
            if name not in ARCHITECTURES:
                hint = did_you_mean(name, ARCHITECTURES)
                raise ValueError(
                    f"environments.{name}: unknown architecture{hint}; expected {' or '.join(ARCHITECTURES)}"
                )
        return self
