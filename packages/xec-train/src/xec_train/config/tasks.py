"""The section ``tasks``: the predictions of the network, with the loss of each."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from xec_data.configuration.choice import OneOf, Remark
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_models.config.network import TaskConfig
from xec_models.losses.table import describe_beta, losses_for, usual_beta
from xec_train.config.base import Section


def _task_section(spec: Task) -> type[TaskConfig]:
    # Defaults and suitable losses differ from task to task: one model each, from the table.
    base = TaskConfig.model_fields
    fields: dict[str, Any] = {
        "enabled": (bool, Field(spec.enabled_by_default, description=base["enabled"].description)),
        "loss_fn": (
            Annotated[str, OneOf("loss", partial(losses_for, spec))],
            Field(spec.default_loss, description="loss"),
        ),
        "loss_beta": (
            Annotated[float | None, Remark(lambda: describe_beta(losses_for(spec)))],
            Field(
                default_factory=lambda values: usual_beta(spec, values.get("loss_fn", "")),
                ge=0,
                description=base["loss_beta"].description,
            ),
        ),
    }
    if not spec.positive:
        fields["log_transform"] = (Literal[False], Field(False, description="Not for this task."))
    return create_model(
        f"{spec.name.capitalize()}TaskConfig", __base__=TaskConfig, __doc__=spec.meaning, **fields
    )


_TASK_SECTIONS: dict[str, type[TaskConfig]] = {name: _task_section(spec) for name, spec in TASKS.items()}
_TASK_FIELDS: dict[str, Any] = {
    name: (section, Field(default_factory=section, description=TASKS[name].meaning))
    for name, section in _TASK_SECTIONS.items()
}
TasksConfig = create_model(
    "TasksConfig",
    __base__=Section,
    __doc__="Predictions of the network: a head for each enabled task.",
    **_TASK_FIELDS,
)
