"""The commands of the study of pre-training, and the configurations of its trainings."""

from __future__ import annotations

from dataclasses import dataclass

from xec_analysis.studies.steps import Step, simulation_step

UNLABELLED, LABELLED, VALIDATION = "unlabelled.root", "labelled.root", "validation.root"
PRETRAINING, SCRATCH, PRETRAINED = "pretraining", "from_scratch", "pretrained"

# What an encoder is, for all three trainings: else its weights would not fit.
_ENCODER = """\
model:
  encoder_dim: 256
  outer_fine_pool: [3, 3]
  dim_feedforward: 256
"""
_SHARED = """\
normalization:
  npho_scheme: sqrt
mlflow:
  enabled: false
"""
_PRETRAINING = f"""\
objective: mae
{_ENCODER}  mask_ratio: 0.6
{_SHARED}training:
  lr: 1.0e-3
  warmup_epochs: 0.3
  ema_decay: 0.99
  ema_warmup: true
"""
_REGRESSION = f"""\
objective: regression
{_ENCODER}  hidden_dim: 512
{_SHARED}tasks:
  angle:
    enabled: false
  energy:
    enabled: true
  uvwFI:
    enabled: true
    loss_fn: smooth_l1
training:
  lr: 1.0e-3
  warmup_epochs: 1
  ema_decay: 0.99
  ema_warmup: true
  channel_dropout_rate: 0
export:
  onnx: null
"""

CONFIGS = {f"{PRETRAINING}.yaml": _PRETRAINING, "regression.yaml": _REGRESSION}
"""Name of a file → its text."""


@dataclass(frozen=True)
class StudySize:
    """Size of the study.

    Attributes
    ----------
    unlabelled, labelled, validation
        Simulated events.
    pretraining_epochs, epochs
        Of the masked autoencoder, and of both regressions.
    settings
        Further settings of all trainings, as ``key=value`` for `xec train`.
    """

    unlabelled: int
    labelled: int
    validation: int
    pretraining_epochs: int
    epochs: int
    settings: tuple[str, ...] = ()


FULL = StudySize(unlabelled=7000, labelled=1000, validation=1000, pretraining_epochs=4, epochs=12)
QUICK = StudySize(
    unlabelled=128,
    labelled=64,
    validation=64,
    pretraining_epochs=1,
    epochs=2,
    settings=("checkpoint.save_artifacts=false",),
)


def study_steps(size: StudySize) -> list[Step]:
    """Return the steps in the order in which they run, all inside the folder of the study."""
    weights = f"checkpoint.resume_from=artifacts/{PRETRAINING}/checkpoint_last.pth"
    return [
        simulation_step(UNLABELLED, size.unlabelled, 11, "Events without labels"),
        simulation_step(LABELLED, size.labelled, 12, "Events with labels"),
        simulation_step(VALIDATION, size.validation, 13, "Events to validate on"),
        _training(
            PRETRAINING,
            "Pre-training",
            "A masked autoencoder learns to fill in hidden sensors; it never looks at the truth.",
            f"{PRETRAINING}.yaml",
            UNLABELLED,
            size.pretraining_epochs,
            *size.settings,
        ),
        _training(
            SCRATCH, "Regression from scratch", "Energy and position from few labels.", "regression.yaml",
            LABELLED, size.epochs, *size.settings,
        ),
        _training(
            PRETRAINED, "Regression from the pre-trained encoder", "The same, from the encoder's weights.",
            "regression.yaml", LABELLED, size.epochs, weights, *size.settings,
        ),
    ]  # fmt: skip


def _training(
    run: str, title: str, meaning: str, config: str, events: str, epochs: int, *settings: str
) -> Step:
    return Step(
        title,
        meaning,
        f"xec train {config}, with your files as data.train_path and data.val_path.",
        (
            "train",
            config,
            f"data.train_path={events}",
            f"data.val_path={VALIDATION}",
            "data.batch_size=16",
            f"training.epochs={epochs}",
            f"mlflow.run_name={run}",
            *settings,
        ),
        (f"artifacts/{run}",),
    )
