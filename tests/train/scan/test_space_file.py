"""A space file: what it may say, and what is said about its errors, all at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xec_train.config.train_config import TrainConfig
from xec_train.scan.errors import ScanError
from xec_train.scan.points import extremes, grid
from xec_train.scan.space import Parameter
from xec_train.scan.space_file import changed, read_space, settings_of

OTHERS = "found objective: regression, expected mae or inpainting: only these have this key"

Configure = Callable[..., TrainConfig]


def problems(configure: Configure, text: str, *changes: str) -> list[str]:
    Path("space.yaml").write_text(text)
    with pytest.raises(ScanError) as caught:
        read_space(Path("space.yaml"), configure(*changes))
    return [line.strip() for line in str(caught.value).splitlines()]


def test_every_error_of_the_file_at_once(configure: Configure) -> None:
    text = """
trial: 5
direction: up
sampler: tpee
space:
  training.learnin_rate: {low: 1.0e-4, hig: 1.0e-2}
  model.hidden_dm: {low: 8, high: 4}
  model.mask_ratio: [0.1, 0.2]
  checkpoint.save_dir: [a, b]
  training: [1]
"""
    assert problems(configure, text) == [
        "space.yaml: 10 problems",
        "space.training.learnin_rate: unknown key",
        "space.model.hidden_dm: unknown key (did you mean 'model.hidden_dim'?)",
        f"space.model.mask_ratio: {OTHERS}",
        "space.checkpoint.save_dir: the scan itself decides about this key",
        "space.training: is a section; expected a key, such as training.epochs",
        "sampler: unknown sampler 'tpee' (did you mean 'tpe'?); expected one of tpe, random, grid, qmc, gp",
        "space.training.learnin_rate.hig: unknown key (did you mean 'high'?)",
        "space.model.hidden_dm: low is 8, expected at most high, 4",
        "direction: found 'up'; input should be 'minimize' or 'maximize'",
        "trial: unknown key (did you mean 'trials'?)",
    ]


def test_every_end_and_every_choice_gives_a_valid_configuration(configure: Configure) -> None:
    text = """
trials: 5
space:
  training.lr: {low: 1.0e-4, high: 10}
  training.optimizer: [adamw, prodigy, adan]
  model.hidden_dim: {low: 0, high: 64}
  model.encoder_dim: {low: 64, high: 100}
  training.warmup_epochs: {low: 0.5, high: 1}
  data.batch_size: {low: 1, high: 2, step: 0.5}
"""
    assert problems(configure, text)[1:] == []
    text = text.replace("  data.batch_size: {low: 1, high: 2, step: 0.5}\n", "")
    found = problems(configure, text)
    assert found[0] == "space.yaml: 4 problems"
    assert "space: model.hidden_dim=0: model.hidden_dim: found 0, expected an integer > 0" in found
    assert any("model.encoder_dim=100: model.encoder_dim: encoder_dim is 100" in line for line in found)
    assert any("training.optimizer=adan: training.optimizer: found 'adan'" in line for line in found)
    # Values that are valid alone, and not together.
    assert any("training.lr=0.0001, training.optimizer=prodigy: training: lr is" in line for line in found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("space: {training.lr: {low: 1.0e-4, high: 1.0e-3}}", "trials: missing; expected a number of trials"),
        ("trials: 2", "found neither of space and steps"),
        (
            "{sampler: grid, trials: 4, space: {training.epochs: [1, 2]}}",
            "trials: found 4, expected none: a grid has as many trials as points",
        ),
        (
            "{sampler: grid, space: {training.lr: {low: 1.0e-4, high: 1.0e-3}}}",
            "training.lr: a grid needs values one by one; expected a list of choices, or step",
        ),
        (
            "{trials: 1, sampler: {name: tpe, n_startup: 3}, space: {training.epochs: [1, 2]}}",
            "sampler.n_startup: unknown option of tpe (did you mean 'n_startup_trials'?)",
        ),
        (
            "{trials: 1, pruner: {name: percentile, percentile: 300}, space: {training.epochs: [1, 2]}}",
            "pruner: percentile cannot be built: ",
        ),
        ("{trials: 1, space: {training.optimizer: {low: 1, high: 2}}}", "this key takes no number"),
        ("{trials: 1, space: {training.lr: {low: 0, high: 1, log: true}}}", "expected a number > 0"),
        ("{trials: 1, space: {training.epochs: [1, 1]}}", "expected every choice once"),
        ("{trials: 1, space: {training.epochs: {low: 1}}}", "expected low and high, or a list of choices"),
        (
            "{trials: 1, settings: {training.epochs: 3}, space: {training.epochs: [1, 2]}}",
            "training.epochs: is a setting, too; expected one of them",
        ),
        (
            "{trials: 1, steps: [{name: a, space: {training.lrr: [1]}}]}",
            "steps.0.space.training.lrr: unknown",
        ),
        (
            "{trials: 1, steps: [{name: a, space: {a.b: [1]}}, {name: a, space: {training.lr: [1]}}]}",
            "steps: found a twice, expected different names",
        ),
        ("[1, 2]", "expected keys such as 'space:' and 'trials:'"),
    ],
)
def test_what_cannot_be_searched(configure: Configure, text: str, complaint: str) -> None:
    assert complaint in "\n".join(problems(configure, text))


def test_a_file_that_is_not_there(configure: Configure) -> None:
    Path("space.yaml").touch()
    with pytest.raises(ScanError, match=r"no such space file: spice.yaml \(did you mean 'space.yaml'\?\)"):
        read_space(Path("spice.yaml"), configure())


@pytest.mark.parametrize(
    ("metric", "direction", "remark"),
    [
        ("val_loss", "minimize", None),
        ("val_resolution_deg", "minimize", None),
        ("theta_bias", "minimize", "metric: theta_bias has a sign; its minimum is not what is nearest to 0"),
        ("n_gamma_accuracy", "minimize", "metric: a large n_gamma_accuracy is a good one"),
        ("n_gamma_accuracy", "maximize", None),
    ],
)
def test_remarks_about_a_metric(
    configure: Configure, metric: str, direction: str, remark: str | None
) -> None:
    text = f"{{trials: 1, metric: {metric}, direction: {direction}, space: {{training.lr: [1.0e-3]}}}}"
    Path("space.yaml").write_text(text)
    _, notes = read_space(Path("space.yaml"), configure("tasks.n_gamma.enabled=true"))
    assert [note.startswith(str(remark)) for note in notes] == ([True] if remark else [])


def test_a_metric_of_a_task_that_is_not_trained(configure: Configure) -> None:
    found = problems(configure, "{trials: 1, metric: theta_rez_68pct, space: {training.lr: [1.0e-3]}}")
    expected = (
        "space.yaml: metric: no epoch of this training has 'theta_rez_68pct' (did you mean 'theta_res_68pct'"
    )
    assert found[0].startswith(expected)
    # What only an epoch can tell is not refused.
    Path("space.yaml").write_text("{trials: 1, metric: anchor_theta_rms, space: {training.lr: [1.0e-3]}}")
    assert read_space(Path("space.yaml"), configure())[1] == ()


@pytest.mark.parametrize("objective", ["mae", "inpainting"])
def test_a_metric_of_a_reconstruction(configure: Configure, objective: str) -> None:
    config, text = (
        configure(f"objective={objective}"),
        "{trials: 1, metric: METRIC, space: {training.lr: [1]}",
    )
    for metric in ("val_loss", "val_loss_time", "train_actual_mask_ratio"):
        Path("space.yaml").write_text(f"{text.replace('METRIC', metric)}}}")
        assert read_space(Path("space.yaml"), config)[0].metric == metric
    # Settings say what is tracked.
    tracked = "settings: {training.track_metrics: true, training.track_mae_rmse: true}"
    for metric in ("val_loss_inner", "val_loss_top_npho", "rmse_ds_time"):
        Path("space.yaml").write_text(f"{text.replace('METRIC', metric)}}}")
        with pytest.raises(ScanError, match=f"metric: no epoch of this training has '{metric}'"):
            read_space(Path("space.yaml"), config)
        Path("space.yaml").write_text(f"{text.replace('METRIC', metric)}, {tracked}}}")
        assert read_space(Path("space.yaml"), config)[0].metric == metric


def test_a_metric_of_a_task_that_settings_switch_on(configure: Configure) -> None:
    text = (
        "{trials: 1, metric: energy_rms, space: {training.lr: [1]}, settings: {tasks.energy.enabled: true}}"
    )
    Path("space.yaml").write_text(text)
    assert read_space(Path("space.yaml"), configure())[0].metric == "energy_rms"


def test_a_loss_that_changes_its_meaning_is_told(configure: Configure) -> None:
    Path("space.yaml").write_text("{trials: 1, space: {tasks.angle.loss_fn: [l1, mse]}}")
    _, notes = read_space(Path("space.yaml"), configure())
    assert "val_loss means something else for other values of tasks.angle.loss_fn" in notes[0]
    Path("space.yaml").write_text("{trials: 1, metric: theta_rms, space: {tasks.angle.loss_fn: [l1, mse]}}")
    assert read_space(Path("space.yaml"), configure())[1] == ()


def test_a_grid_is_the_product() -> None:
    space = {
        "training.lr": Parameter(low=0.1, high=0.35, step=0.1),
        "training.epochs": Parameter(low=1, high=3),
        "training.optimizer": Parameter(choices=["adamw", "muon"]),
        "model.outer_fine_pool": Parameter(choices=[[3, 3], None]),
    }
    points = grid(space)
    assert len(points) == 3 * 3 * 2 * 2
    assert len({tuple(point.items()) for point in points}) == len(points)
    assert {point["training.lr"] for point in points} == {0.1, 0.2, 0.3}
    assert {point["training.epochs"] for point in points} == {1, 2, 3}
    ends = list(extremes(space))
    assert {point["training.lr"] for point in ends} == {0.1, 0.3}
    assert {point["training.epochs"] for point in ends} == {1, 3}
    assert len(ends) == 2**4


def test_what_follows_from_a_value_follows_from_that_of_the_trial(configure: Configure) -> None:
    settings = settings_of(configure("tasks.angle.loss_fn=gaussian_nll"))
    config, _ = changed(settings, {"tasks.angle.loss_fn": "student_t", "model.outer_fine_pool": [2, 2]})
    assert config is not None
    assert (config.tasks.angle.loss_beta, config.model.outer_fine_pool) == (4.0, (2, 2))  # type: ignore[attr-defined]


def test_the_examples_of_the_readme_are_valid(configure: Configure) -> None:
    readme = Path(__file__).parents[3] / "packages" / "xec-train" / "README.md"
    section = readme.read_text().partition("## Searching for good values")[2].partition("\n## ")[0]
    examples = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert len(examples) == 2
    for text in examples:
        Path("space.yaml").write_text(text)
        space, notes = read_space(Path("space.yaml"), configure("tasks.energy.enabled=true"))
        assert notes == ()
        assert len(space.searches) in (1, 3)
