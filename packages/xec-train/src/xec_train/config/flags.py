"""Tables of the shorthands of the command line, and of second names of keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xec_train.config.earlier.table import EARLIER_KEYS


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
    switch
        Whether it may stand without a value, for true.
    note
        Remark on its value for the command line's help.
    expand
        Function from the list of values to {key: value}; None: `keys` are set to the value.
    """

    name: str
    keys: tuple[str, ...]
    many: bool = False
    switch: bool = False
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


def _scheduler(values: list[str]) -> dict[str, Any]:
    # Of the earlier system: -1 for the cosine, 1 for a constant rate.
    names = {"-1": "cosine", "1": "none"}
    return {"training.scheduler": names.get(values[0], values[0])}


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
        Flag("outer_fine_pool", ("model.outer_fine_pool",), many=True, note="rows and columns"),
        Flag("encoder_dim", ("model.encoder_dim",)),
        Flag("mask_ratio", ("model.mask_ratio",)),
        Flag("tasks", ("tasks",), many=True, note="names; enables these alone", expand=_enable_only),
        Flag("epochs", ("training.epochs",)),
        Flag("lr", ("training.lr",)),
        Flag("weight_decay", ("training.weight_decay",)),
        Flag("lr_scheduler", ("training.scheduler",)),
        Flag("use_scheduler", ("training.scheduler",), note="-1: cosine, 1: none", expand=_scheduler),
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
        Flag("refresh_lr", ("checkpoint.refresh_lr",), switch=True),
        Flag("run_name", ("mlflow.run_name",)),
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


SECOND_NAMES: dict[str, tuple[str, ...]] = {
    name: entry.new for name, entry in EARLIER_KEYS.items() if entry.accepted
}
"""Second name of a key → the key, or the keys, with the same value."""

DEPRECATED_NAMES: dict[str, str] = {
    name: entry.new[0] for name, entry in EARLIER_KEYS.items() if entry.deprecated
}
"""Former name of a key → the key."""

DEPRECATED_VALUES: dict[tuple[str, str], str] = {
    ("data.npho_branch", "relative_npho"): "it holds counts divided by the event's largest; prefer npho",
}
"""(key, value) → reason why it is deprecated."""
