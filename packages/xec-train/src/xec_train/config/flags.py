"""Tables of the shorthands of the command line, and of second names of keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Flag:
    """A shorthand such as ``--lr 1e-3``.

    Attributes
    ----------
    name
        Without dashes, words joined by ``_``.
    keys
        The keys that it sets.
    many
        Whether it takes several values.
    note
        Remark on its value for the command line's help.
    expand
        Function from the list of values to {key: value}; None: `keys` are set to the value.
    """

    name: str
    keys: tuple[str, ...]
    many: bool = False
    note: str = ""
    expand: Callable[[list[str]], dict[str, Any]] | None = None


def _enable_only(names: list[str]) -> dict[str, Any]:
    # Imported here so that the table stays light: the command line's help reads it.
    from xec_data.tasks.table import TASKS

    return {f"tasks.{name}.enabled": name in names for name in [*TASKS, *names]}


def _reweight_angle(modes: list[str]) -> dict[str, Any]:
    if modes == ["none"]:
        return {"reweighting.angle.enabled": False}
    return {"reweighting.angle.enabled": True, "reweighting.angle.mode": modes[0]}


FLAGS: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("train_path", ("data.train_path",), many=True, note="file, folder, glob; several"),
        Flag("val_path", ("data.val_path",), many=True, note="the same"),
        Flag("batch", ("data.batch_size",)),
        Flag("chunksize", ("data.chunksize",)),
        Flag("npho_branch", ("data.npho_branch",)),
        Flag("time_branch", ("data.time_branch",)),
        Flag("geometry", ("geometry",), note="nominal, or a table as built"),
        Flag("npho_scheme", ("normalization.npho_scheme",)),
        Flag("npho_scale", ("normalization.npho_scale",)),
        Flag("npho_scale2", ("normalization.npho_scale2",)),
        Flag("time_scale", ("normalization.time_scale",)),
        Flag("time_shift", ("normalization.time_shift",)),
        Flag("sentinel_value", ("normalization.sentinel_npho", "normalization.sentinel_time")),
        Flag("outer_mode", ("model.outer_mode",)),
        Flag("mask_ratio", ("model.mask_ratio",)),
        Flag("tasks", ("tasks",), many=True, note="names; enables these alone", expand=_enable_only),
        Flag("epochs", ("training.epochs",)),
        Flag("lr", ("training.lr",)),
        Flag("weight_decay", ("training.weight_decay",)),
        Flag("warmup_epochs", ("training.warmup_epochs",)),
        Flag("ema_decay", ("training.ema_decay",)),
        Flag("grad_clip", ("training.grad_clip",)),
        Flag("grad_accum_steps", ("training.grad_accum_steps",)),
        Flag(
            "reweight_mode",
            ("reweighting.angle.mode",),
            note="none, theta, phi or theta_phi",
            expand=_reweight_angle,
        ),
        Flag("loss_type", ("tasks.angle.loss_fn",)),
        Flag("loss_beta", ("tasks.angle.loss_beta",)),
        Flag("resume_from", ("checkpoint.resume_from",), note="a checkpoint_last.pth, or auto"),
        Flag("onnx", ("export.onnx",)),
    )
}
"""The shorthands that ``xec train`` accepts, with ``-`` or ``_`` between words."""


def describe_flags() -> list[str]:
    """List the shorthands for people: a line for each section that they set keys of."""
    sections: dict[str, list[str]] = {}
    for flag in FLAGS.values():
        section = flag.keys[0].partition(".")[0]
        note = f" ({flag.note})" if flag.note else ""
        sections.setdefault(section, []).append(f"--{flag.name.replace('_', '-')}{note}")
    return [f"{section}: {', '.join(flags)}" for section, flags in sections.items()]


DEPRECATED_NAMES: dict[str, str] = {
    "training.time_mask_ratio_scale": "training.time.mask_ratio_scale",
    "training.npho_threshold": "training.time.npho_threshold",
    "training.use_npho_time_weight": "training.time.use_npho_weight",
}
"""Former name of a key → the key."""

SECOND_NAMES: dict[str, str] = {"training.lr_scheduler": "training.scheduler", **DEPRECATED_NAMES}
"""Second name of a key → the key."""

DEPRECATED_VALUES: dict[tuple[str, str], str] = {
    ("data.npho_branch", "relative_npho"): "it holds counts divided by the event's largest; prefer npho",
}
"""(key, value) → reason why it is deprecated."""
