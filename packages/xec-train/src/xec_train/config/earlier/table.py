"""The tables of keys and flags of the earlier system, with what takes the place of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from xec_train.config.earlier.values import (
    EarlierConfig,
    all_events,
    full_names,
    off,
    pool,
    schedule,
    squared,
    standardized_beta,
)

Translation = Callable[[Any, str, EarlierConfig], tuple[Any, str]]
"""``(value, its key, the file)`` to the value here, and a reason; the same value if nothing changes."""


@dataclass(frozen=True)
class EarlierKey:
    """A key of the earlier system that xec has not, or whose values mean something else.

    Attributes
    ----------
    key
        Its dotted path; a part ``*`` stands for any task.
    new
        The keys that take its place, the key itself if only its values differ; none: nothing does.
    explanation
        What takes its place, in one line.
    accepted
        Whether configurations may go on using it, as a second name with the same values.
    deprecated
        Whether that gets a note.
    translate
        Value here of a value there; None: the same.
    """

    key: str
    new: tuple[str, ...] = ()
    explanation: str = ""
    accepted: bool = False
    deprecated: bool = False
    translate: Translation | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether nothing takes its place."""
        return not self.new


def _same(key: str, *new: str, explanation: str = "", **options: Any) -> EarlierKey:
    return EarlierKey(key, new, explanation or f"{' and '.join(new)} here", accepted=True, **options)


def _none(key: str, explanation: str) -> EarlierKey:
    return EarlierKey(key, (), explanation)


def _other_values(key: str, translate: Translation, explanation: str) -> EarlierKey:
    return EarlierKey(key, (key,), explanation, translate=translate)


EARLIER_KEYS: dict[str, EarlierKey] = {
    entry.key: entry
    for entry in (
        _same("training.batch_size", "data.batch_size"),
        _same(
            "training.lr_scheduler", "training.scheduler", explanation="training.scheduler; null is none",
            translate=schedule,
        ),
        _same("normalization.sentinel_value", "normalization.sentinel_npho", "normalization.sentinel_time"),
        _same("model.head_type", "model.head"),
        _same(
            "training.mae_checkpoint", "checkpoint.resume_from",
            explanation="checkpoint.resume_from, also for the encoder of a masked autoencoder; 'xec convert' "
            "makes the file one of xec",
        ),
        _same("training.time_mask_ratio_scale", "training.time.mask_ratio_scale", deprecated=True),
        _same("training.npho_threshold", "training.time.npho_threshold", deprecated=True),
        _same("training.use_npho_time_weight", "training.time.use_npho_weight", deprecated=True),
        EarlierKey(
            "model.cross_attn_hidden", ("model.hidden_dim",),
            "model.hidden_dim is the width of the hidden layer of the head",
        ),
        _none("data.log_invalid_npho", "'xec data check FILE' counts the invalid readings of a file"),
        _none("training.profile", "'xec train FILE --profile N' measures N steps"),
        _none("training.compile_fullgraph", "what cannot be compiled runs without it, with a note"),
        _none(
            "distributed.num_gpus",
            "'torchrun --nproc-per-node=N --no-python xec train FILE' starts N processes, with "
            "data.batch_size events in each",
        ),
        _none("checkpoint.root_save_interval", "checkpoint.save_predictions are written once, at the end"),
        _none("model.use_local_context", "every head sees the neighbours of a hidden sensor"),
        _none("model.use_masked_attention", "attention never goes to hidden or invalid sensors"),
        _none("model.sensor_positions_file", "xec has the positions ('xec geometry export' writes them)"),
        _none("model.cross_attn_k", "the head attends to the 16 nearest sensors"),
        _none("model.cross_attn_latent_dim", "the head is 128 wide"),
        _none("model.cross_attn_pos_dim", "the position of a sensor is encoded in 96 numbers"),
        _other_values(
            "model.outer_fine_pool", pool, "rows and columns, and none with outer_mode: split"
        ),
        _other_values("model.mask_ratio", full_names, "the face bot is bottom"),
        _other_values("training.compile", off, "none, false and null are off"),
        _other_values("training.loss_fn", squared, "l2 is mse"),
        _other_values("checkpoint.save_predictions", all_events, "a number of events, or all"),
        _other_values("tasks.*.loss_fn", squared, "l2 is mse"),
        _other_values(
            "tasks.*.loss_beta", standardized_beta,
            "β of smooth_l1 and huber is in units of the spread of the true values",
        ),
    )
}  # fmt: skip
"""Every such key of the earlier system's files and documents."""


def earlier_key(path: str) -> EarlierKey | None:
    """Return the entry of a key, those for any task included; None if there is none."""
    found = EARLIER_KEYS.get(path)
    patterns = (entry for name, entry in EARLIER_KEYS.items() if "*" in name)
    return found or next((entry for entry in patterns if fnmatchcase(path, entry.key)), None)


@dataclass(frozen=True)
class EarlierFlag:
    """A flag of the earlier system that ``xec train`` does not take.

    Attributes
    ----------
    name
        Without dashes.
    answer
        From its values, to what takes its place, in one line.
    """

    name: str
    answer: Callable[[Sequence[str]], str]


def _divided(values: Sequence[str]) -> str:
    from xec_train.config.earlier.values import reciprocal

    number = reciprocal(values[0]) if values else None
    example = "X" if number is None else f"{number:.6g}"
    return (
        "it multiplied the photons, and normalization.npho_scale divides them: "
        f"--npho-scale {example} is the same"
    )


def _answer(text: str) -> Callable[[Sequence[str]], str]:
    return lambda _values: text


EARLIER_FLAGS: Mapping[str, EarlierFlag] = {
    flag.name: flag
    for flag in (
        EarlierFlag(
            "root",
            _answer("a training has files of its own and files to validate on: --train-path, --val-path"),
        ),
        EarlierFlag(
            "model",
            _answer("there is one network, of ConvNeXt V2 and HexNeXt; section 'model' has its shape"),
        ),
        EarlierFlag("NphoScale", _divided),
        EarlierFlag(
            "save_path",
            _answer(
                "checkpoints go to checkpoint.save_dir/mlflow.run_name (--run-name), as checkpoint_best.pth "
                "and checkpoint_last.pth"
            ),
        ),
    )
}
"""Every such flag by its name."""

SECOND_FLAGS: Mapping[str, str] = {"batch_size": "batch", "train_root": "train_path"}
"""Flag of the earlier system → flag with the same values."""
