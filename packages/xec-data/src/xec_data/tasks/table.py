"""The table of tasks, and of what files can be used for."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from xec_data.errors import DataError
from xec_data.schema.branches import SCHEMA, SENSOR_BRANCHES
from xec_data.tasks.anchors import (
    anchor_angles,
    anchor_direction,
    anchor_energy,
    anchor_point,
    anchor_time,
)
from xec_data.tasks.directions import direction_of_angles, direction_of_vectors
from xec_data.tasks.measures import JointMeasure, distance, opening_angle
from xec_data.tasks.output import REVERSED, Output, Reflection
from xec_data.tasks.task import Task, Truth
from xec_geometry.support.registry import Registry


def _opening(metric: str, column: str) -> JointMeasure:
    return JointMeasure("opening", metric, "deg", "opening angle", opening_angle, column)


RECONSTRUCTIONS = ("mae", "inpainting")
"""What can be learned from the readings alone."""


def _distinct(task: Task, others: Collection[Task]) -> None:
    # Files and metrics name outputs, not tasks; `xec data check` lists tasks and reconstructions together.
    if task.name in RECONSTRUCTIONS:
        raise DataError(f"the name '{task.name}' is taken by an objective; expected another name")
    for other in others:
        for name in set(task.output_names) & set(other.output_names):
            raise DataError(
                f"its output '{name}' is one of the task '{other.name}', too; expected another name"
            )


TASKS: Registry[Task] = Registry(
    "task",
    (
        Task(
            name="angle",
            meaning="emission angles of the photon",
            title="Emission angles",
            outputs=(
                Output(
                    "theta",
                    "deg",
                    r"$\theta$",
                    "θ",
                    under_z_reflection=Reflection(sign=-1.0, offset=180.0),
                    plausible=(0.0, 180.0),
                ),
                Output(
                    "phi",
                    "deg",
                    r"$\varphi$",
                    "φ",
                    residual="angle",
                    under_y_reflection=REVERSED,
                    plausible=(-360.0, 360.0),
                ),
            ),
            truth=Truth(("emiAng",)),
            default_loss="smooth_l1",
            direction=direction_of_angles,
            joint=_opening("val_resolution_deg", "opening_angle"),
            anchor=anchor_angles,
            enabled_by_default=True,
        ),
        Task(
            name="energy",
            meaning="energy of the photon",
            title="Energy",
            outputs=(Output("energy", "GeV", r"$E_\gamma$", residual="ratio", plausible=(0.0, 1.0)),),
            truth=Truth(("energyTruth",)),
            default_loss="l1",
            positive=True,
            conventional=Truth(("energyReco",)),
            anchor=anchor_energy,
        ),
        Task(
            name="timing",
            meaning="time of the first interaction, on the clock of the sensor times",
            title="Time",
            outputs=(Output("timing", "s", r"$t_\gamma$", "time", plausible=(-1e-3, 1e-3)),),
            truth=Truth(("timeTruth",)),
            default_loss="l1",
            needs_times=True,
            conventional=Truth(("timeReco",)),
            anchor=anchor_time,
        ),
        Task(
            name="uvwFI",
            meaning="position of the first interaction: along the beam, along the inner face, depth",
            title="First interaction point",
            outputs=(
                Output("u", "cm", "$u$", under_z_reflection=REVERSED, plausible=(-100.0, 100.0)),
                Output("v", "cm", "$v$", under_y_reflection=REVERSED, plausible=(-250.0, 250.0)),
                Output("w", "cm", "$w$", plausible=(-70.0, 200.0)),
            ),
            truth=Truth(("uvwTruth",)),
            default_loss="mse",
            metric_prefix="uvw_",
            joint=JointMeasure("distance", "uvw_dist_68pct", "cm", "distance", distance, "uvw_distance"),
            conventional=Truth(("uvwRecoFI",)),
            anchor=anchor_point,
        ),
        Task(
            name="angleVec",
            meaning="emission direction of the photon, a unit vector",
            title="Emission direction",
            outputs=(
                Output("vx", "1", "$e_x$", "e_x", plausible=(-1.01, 1.01)),
                Output("vy", "1", "$e_y$", "e_y", under_y_reflection=REVERSED, plausible=(-1.01, 1.01)),
                Output("vz", "1", "$e_z$", "e_z", under_z_reflection=REVERSED, plausible=(-1.01, 1.01)),
            ),
            truth=Truth(("emiVec",)),
            default_loss="cosine",
            direction=direction_of_vectors,
            unit_vector=True,
            joint=_opening("angleVec_resolution_deg", "angleVec_opening_angle"),
            anchor=anchor_direction,
        ),
        Task(
            name="n_gamma",
            meaning="number of photons in the event, 0 to 4: a probability for each",
            title="Number of photons",
            outputs=(Output("n_gamma", "1", r"$n_\gamma$", plausible=(0.0, 4.0)),),
            truth=Truth(("n_gamma",)),
            default_loss="cross_entropy",
            n_classes=5,
        ),
    ),
    group="xec.tasks",
    error=DataError,
    check=_distinct,
)
"""Every task by its name."""


def truth_branches(tasks: Iterable[str]) -> tuple[str, ...]:
    """List the branches that the truth of some tasks is made of, each once."""
    return tuple(dict.fromkeys(branch for name in tasks for branch in TASKS[name].truth.branches))


def purposes() -> tuple[str, ...]:
    """List what a file can be used for: every task, and the reconstructions of readings."""
    return (*TASKS, *RECONSTRUCTIONS)


def needed_branches(purpose: str) -> tuple[str, ...]:
    """List the branches that a purpose cannot do without, in the order of the schema."""
    needed = {*SENSOR_BRANCHES, *(TASKS[purpose].truth.branches if purpose in TASKS else ())}
    return tuple(name for name in SCHEMA if name in needed)


def plausible_ranges() -> dict[str, tuple[tuple[float, float], ...]]:
    """Give the plausible range of every column of branches with true or conventional values of a task."""
    ranges: dict[str, tuple[tuple[float, float], ...]] = {}
    for task in TASKS.values():
        if task.truth.function is None and len(task.truth.branches) == 1:
            # Of several tasks with the same truth, the first one tells: that of xec before another package's.
            of_columns = tuple(output.plausible for output in task.outputs)
            ranges.setdefault(task.truth.branches[0], of_columns)
            if task.conventional is not None:
                ranges.setdefault(task.conventional.branches[0], of_columns)
    return ranges
