"""The page for people who come from the earlier system says what is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xec_geometry.cli.application import main
from xec_train.cluster.variables import FLAG_OF_VARIABLE
from xec_train.config.earlier.table import EARLIER_FLAGS, EARLIER_KEYS, SECOND_FLAGS, EarlierKey, earlier_key
from xec_train.config.flags import FLAGS
from xec_train.config.keys import all_keys

PACKAGE = Path(__file__).parents[4] / "packages" / "xec-train"
PAGE = (PACKAGE / "docs" / "coming-from-xec-ml-wl.md").read_text(encoding="utf-8")


TASK_KEYS = ("enabled", "loss_fn", "loss_beta", "weight")
DOCUMENTED = {
    *("data.train_path", "data.val_path", "data.batch_size", "data.chunksize"),
    *(f"normalization.{name}" for name in ("npho_scale", "npho_scale2", "time_scale", "time_shift")),
    *(
        "normalization.sentinel_value",
        "normalization.sentinel_time",
        "model.outer_mode",
        "model.outer_fine_pool",
    ),
    *("model.encoder_dim", "model.predict_channels", "model.mask_ratio", "model.decoder_dim"),
    *("model.freeze_encoder", "checkpoint.resume_from"),
    *(
        f"training.{name}"
        for name in ("epochs", "lr", "weight_decay", "warmup_epochs", "ema_decay", "grad_clip")
    ),
    *(f"training.{name}" for name in ("batch_size", "grad_accum_steps", "scheduler", "max_lr", "pct_start")),
    *(f"training.{name}" for name in ("lr_patience", "lr_factor", "lr_min", "loss_fn", "loss_beta")),
    *(
        "training.npho_weight",
        "training.auto_channel_weight",
        "training.track_mae_rmse",
        "training.track_metrics",
    ),
    *(
        f"training.time.{name}"
        for name in ("weight", "mask_ratio_scale", "use_npho_weight", "npho_threshold")
    ),
    *("training.time_mask_ratio_scale", "training.npho_threshold", "training.use_npho_time_weight"),
    *("training.npho_loss_weight.enabled", "training.npho_loss_weight.alpha"),
    "training.intensity_reweighting.enabled",
    *(f"tasks.{task}.{name}" for task in ("angle", "energy", "timing", "uvwFI") for name in TASK_KEYS),
    *(f"reweighting.{task}.enabled" for task in ("angle", "energy", "timing", "uvwFI")),
    *("reweighting.energy.nbins", "reweighting.timing.nbins"),
    *("reweighting.angle.nbins_2d", "reweighting.uvwFI.nbins_2d"),
}
"""Every key of the documents of the earlier system."""

DOCUMENTED_FLAGS = {
    *(
        "config",
        "train_path",
        "val_path",
        "train_root",
        "root",
        "batch",
        "batch_size",
        "chunksize",
        "epochs",
        "lr",
    ),
    *("weight_decay", "warmup_epochs", "ema_decay", "grad_clip", "npho_scale", "npho_scale2", "NphoScale"),
    *(
        "time_scale",
        "time_shift",
        "sentinel_value",
        "npho_branch",
        "time_branch",
        "outer_mode",
        "outer_fine_pool",
    ),
    *("tasks", "resume_from", "model", "loss_type", "loss_beta", "reweight_mode", "use_scheduler", "onnx"),
    "save_path",
}
"""Every flag of its trainings."""

SCRIPTS = {
    "train_mae": ("config", "train_root", "epochs"),
    "train_regressor": ("config",),
    "run_training_cli.py": (),
    "export_onnx.py": ("output", "multi-task", "tasks"),
    "inference_real_data.py": (
        *("onnx", "input", "output", "npho_scale", "npho_scale2", "time_scale", "time_shift"),
        *("sentinel_value", "NphoScale"),
    ),
    "plot_real_data_analysis.py": ("input", "output_dir", "checkpoint", "outer_mode"),
    **dict.fromkeys(("submit_job.sh", "run_scan.sh", "run_mae.sh", "submit_mae.sh"), ()),
    **dict.fromkeys(("check_input_file.py", "show_event_npho.py", "show_event_time.py"), ()),
    **dict.fromkeys(("PrepareRealData.C", "start_jupyter_xec_gpu.sh"), ()),
    "torchrun": ("nproc_per_node",),
    "mlflow ui": ("backend-store-uri",),
    "tensorboard": ("logdir",),
}
"""Every script of its documents, with the flags that are used there."""

VARIABLES = {
    *("EPOCHS", "LR", "TASKS", "NUM_GPUS", "DRY_RUN", "ROOT_PATH", "BATCH", "MASK_RATIO"),
    *("RESUME_FROM", "EMA_DECAY", "LOSS_BETA"),
}
"""Every variable that its scripts for jobs are given."""


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def _how(entry: EarlierKey) -> str:
    return "accepted" if entry.accepted else "left out" if entry.is_left_out else "converted"


def test_every_documented_name_is_accepted_or_answered() -> None:
    assert not {key for key in DOCUMENTED if key not in all_keys() and earlier_key(key) is None}
    assert not DOCUMENTED_FLAGS - {*FLAGS, *SECOND_FLAGS, *EARLIER_FLAGS, "config"}


def test_keys_are_those_of_the_table() -> None:
    shown = {row[0].strip("`"): (re.findall(r"`([^`]+)`", row[1]), row[2]) for row in rows("Keys")}
    assert shown == {key: (list(entry.new), _how(entry)) for key, entry in EARLIER_KEYS.items()}


def test_flags_are_those_of_the_tables() -> None:
    there = {name for row in rows("Flags") for name in re.findall(r"--(\w+)", row[0])}
    assert {*EARLIER_FLAGS, *SECOND_FLAGS, "config"} <= there
    assert there <= {*EARLIER_FLAGS, *SECOND_FLAGS, *FLAGS, "config"}
    here = {name.replace("-", "_") for row in rows("Flags") for name in re.findall(r"`--([\w-]+)", row[1])}
    assert here <= set(FLAGS)


def test_scripts_and_their_flags_have_a_row() -> None:
    there = [row[0] for row in rows("Commands and scripts")]
    for script, flags in SCRIPTS.items():
        text = " ".join(cell for cell in there if script in cell)
        assert text, script
        found = set(re.findall(r"--([\w-]+)", text))
        assert not set(flags) - found, script
    assert set(re.findall(r"\b[A-Z][A-Z_]+\b", " ".join(there))) >= VARIABLES


def test_variables_of_jobs_are_read() -> None:
    not_flags = {"NUM_GPUS", "DRY_RUN"}
    assert VARIABLES - not_flags <= set(FLAG_OF_VARIABLE)


def test_exports_take_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert any("--tasks angle,energy" in row[1] for row in rows("Commands and scripts"))
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "--tasks" in capsys.readouterr().out


def test_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(
        re.findall(r"(?:`|^\$ |no-python )xec ([a-z-]+(?: (?:check|new|convert)\b)?)", PAGE, re.MULTILINE)
    )
    assert {
        "train",
        "convert",
        "export",
        "predict",
        "plot",
        "data check",
        "display",
        "config convert",
    } <= named
    for name in sorted(named):
        with pytest.raises(SystemExit) as caught:
            main([*name.split(), "--help"])
        assert not caught.value.code, name
        capsys.readouterr()


def test_the_readme_leads_here() -> None:
    assert "docs/coming-from-xec-ml-wl.md" in (PACKAGE / "README.md").read_text(encoding="utf-8")
