"""Configurations that users of the earlier system trained with: all of them are converted, and train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tests.train.made_up import events_with, readings

from xec_geometry import FACES, face_ids
from xec_geometry.cli.application import main
from xec_train import ConfigError, load_config
from xec_train.config.earlier.conversion import ConvertedConfig, convert_config
from xec_train.config.earlier.table import EARLIER_KEYS, earlier_key
from xec_train.config.keys import all_keys
from xec_train.objectives.table import OBJECTIVES, build_objective
from xec_train.reconstruction.objective import MASK

FILES = sorted((Path(__file__).parent / "files").glob("*.yaml"))
OBJECTIVE = {"inpainter": "inpainting", "mae": "mae", "regressor": "regression"}
TRUTH = {"emiAng": [[80.0, 5.0], [95.0, -9.0], [100.0, 20.0]], "energyTruth": [0.02, 0.05, 0.06],
         "timeTruth": [1e-9, 2e-9, 4e-9],
         "uvwTruth": [[1.0, 20.0, 3.0], [-9.0, -30.0, 1.0], [4.0, 2.0, 9.0]]}  # fmt: skip


def leaves(values: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{parent}{name}.")
        else:
            yield f"{parent}{name}", value


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(leaves(values))


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., ConvertedConfig]:
    def converted(text: str, **options: Any) -> ConvertedConfig:
        path = tmp_path / "old.yaml"
        path.write_text(f"data: {{train_path: a.root, val_path: b.root}}\n{text}")
        return convert_config(path, **options)

    return converted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_keeps_what_has_a_place_and_notes_the_rest(path: Path, tmp_path: Path) -> None:
    old = flat(yaml.safe_load(path.read_text()))
    converted = convert_config(path)
    new = flat(converted.values)
    assert new["objective"] == OBJECTIVE[path.stem.partition("_")[0]]
    noted = Counter(note.partition(":")[0] for note in converted.notes)
    assert max(noted.values()) == 1
    for key, value in old.items():
        # The fractions of faces are one value.
        name = key.rpartition(".")[0] if key.startswith("model.mask_ratio.") else key
        assert name in noted or new[key] == value, key
    written = tmp_path / "new.yaml"
    written.write_text(converted.text(path.name))
    assert load_config(written).notes == ()
    assert all(f"# {note}" in written.read_text() for note in converted.notes)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{path}: a configuration of the earlier system xec-ml-wl (it has ")
    assert f"; 'xec config convert {path} -o NEW.yaml' makes it" in line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_converted_file_trains(path: Path, tmp_path: Path) -> None:
    written = tmp_path / "new.yaml"
    written.write_text(convert_config(path).text(path.name))
    narrow = [
        "model.encoder_dim=64",
        "model.dim_feedforward=32",
        "model.num_fusion_layers=1",
        "model.hidden_dim=8",
    ]
    torch.manual_seed(0)
    objective = build_objective(load_config(written, narrow).config)
    network = objective.build_network()
    truth = {name: np.array(values, np.float32) for name, values in TRUTH.items()}
    objective.prepare(network, events_with(truth))
    batch = objective.augment(
        {**readings(), **{name: torch.tensor(values) for name, values in truth.items()}}
    )
    loss = objective.losses(network, objective.forward(network, batch), batch)["loss"]
    loss.backward()
    assert loss > 0
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)
    assert any(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)


def test_what_becomes_of_the_values() -> None:
    values = {path.stem: flat(convert_config(path).values) for path in FILES}
    dark = values["inpainter_02"]
    assert dark["model.head"] == "cross_attention"
    assert dark["model.mask_ratio.bottom"] == 0.15
    assert dark["model.outer_fine_pool"] == [2, 2]
    assert dark["model.hidden_dim"] == 64
    assert dark["checkpoint.save_predictions"] == "all"
    assert dark["training.compile"] == "off"
    assert values["mae_10"]["training.scheduler"] == "none"
    assert values["mae_10"]["checkpoint.save_predictions"] == 0
    # 2 MeV, where uniform energies from 15 to 60 MeV have a spread of 45 MeV/√12.
    assert values["regressor_24"]["tasks.energy.loss_beta"] == pytest.approx(2 / (45 / np.sqrt(12)), rel=0.01)
    # An exponent is no energy.
    assert values["regressor_28"]["tasks.energy.loss_beta"] == 0.5
    assert values["regressor_32"]["tasks.uvwFI.loss_beta"] == 1.0


def test_beta_in_units_of_the_spread_in_the_training_files(
    event_files: tuple[Path, Path], tmp_path: Path
) -> None:
    import uproot

    energies = uproot.open(event_files[0])["tree"]["energyTruth"].array(library="np")
    path = tmp_path / "old.yaml"
    path.write_text(
        f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n"
        "tasks: {energy: {enabled: true, loss_fn: huber, loss_beta: 0.004}}\n"
    )
    converted = convert_config(path)
    beta = flat(converted.values)["tasks.energy.loss_beta"]
    assert beta == pytest.approx(0.004 / energies.std(), rel=0.01)
    assert any("in the training files" in note for note in converted.notes)


def test_beta_of_angles_in_radians(convert: Callable[..., ConvertedConfig]) -> None:
    text = "tasks: {angle: {loss_fn: smooth_l1, loss_beta: 0.1}}\n"
    betas = [flat(convert(text, angle_unit=unit).values)["tasks.angle.loss_beta"] for unit in ("deg", "rad")]
    assert betas[1] / betas[0] == pytest.approx(180 / np.pi, rel=0.01)


@pytest.mark.parametrize(
    ("task", "spread"),
    [("energy", "the spread"), ("angle", "the geometric mean of the spreads")],
)
def test_the_note_says_what_beta_is_relative_to(
    convert: Callable[..., ConvertedConfig], task: str, spread: str
) -> None:
    notes = convert(f"tasks: {{{task}: {{enabled: true, loss_fn: huber, loss_beta: 0.1}}}}\n").notes
    (note,) = (note for note in notes if note.startswith(f"tasks.{task}.loss_beta"))
    assert f"in units of {spread} of the true values" in note


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("model: {mask_ratio: 0.6}", "mae"),
        ("model: {mask_ratio: 0.1, freeze_encoder: true}", "inpainting"),
        ("training: {mae_checkpoint: null}", "inpainting"),
        ("tasks: {angle: {enabled: true}}\nmodel: {mask_ratio: 0.6}", "regression"),
        ("training: {epochs: 3}", "regression"),
    ],
)
def test_the_objective_follows_from_the_keys(
    convert: Callable[..., ConvertedConfig], text: str, objective: str
) -> None:
    assert convert(text).values["objective"] == objective
    assert convert("training: {epochs: 3}", objective="mae").values["objective"] == "mae"


def test_a_checkpoint_is_not_lost_behind_a_null(convert: Callable[..., ConvertedConfig]) -> None:
    for checkpoint in ("{resume_from: null}", "{save_interval: 5}"):
        text = f"training: {{mae_checkpoint: a.pth}}\ncheckpoint: {checkpoint}\n"
        assert flat(convert(text).values)["checkpoint.resume_from"] == "a.pth"
    both = convert("training: {mae_checkpoint: a.pth}\ncheckpoint: {resume_from: b.pth}\n")
    assert flat(both.values)["checkpoint.resume_from"] == "b.pth"
    assert "training.mae_checkpoint: left out; checkpoint.resume_from" in " ".join(both.notes)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # A file of autoencoders whose keys are all accepted; one key of each kind in a file of xec.
        (
            "model: {mask_ratio: 0.6}\ntraining: {lr_scheduler: null}",
            ["a configuration of the earlier system"],
        ),
        (
            "training: {profile: true, epoch: 3}",
            ["2 problems", "training.profile: no key of xec", "did you mean 'training.epochs'", "if this is"],
        ),
        (
            "model: {mask_ratio: 0.6}",
            ["model.mask_ratio: found objective: regression, expected mae", "a key of 'objective: mae'"],
        ),
        ("objective: mae\ntraining: {epoch: 3}", ["training.epoch: unknown key"]),
    ],
)
def test_a_file_is_recognized_by_its_keys(tmp_path: Path, text: str, lines: list[str]) -> None:
    path = tmp_path / "old file.yaml"
    path.write_text(f"data: {{train_path: a.root, val_path: b.root}}\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    found = str(caught.value).splitlines()
    assert len(found) == len(lines)
    for line, wanted in zip(found, lines, strict=True):
        assert wanted in line
    if "xec config convert" in found[-1]:
        assert f"xec config convert '{path}' -o NEW.yaml" in found[-1]


def test_a_checkpoint_is_no_configuration(tmp_path: Path) -> None:
    torch.save({"model": torch.ones(3)}, tmp_path / "a.pth")
    with pytest.raises(ConfigError, match=r"a\.pth is no text file, .*'xec config new --checkpoint"):
        load_config(tmp_path / "a.pth")


def test_the_square_of_a_deviation(convert: Callable[..., ConvertedConfig], tmp_path: Path) -> None:
    assert (
        flat(convert("tasks: {uvwFI: {enabled: true, loss_fn: l2}}").values)["tasks.uvwFI.loss_fn"] == "mse"
    )
    with pytest.raises(
        ConfigError, match=r"tasks\.uvwFI\.loss_fn: found 'l2', expected one of .* \(l2 is mse\)"
    ):
        load_config(tmp_path / "old.yaml")


def test_what_neither_system_knows_is_refused(convert: Callable[..., ConvertedConfig]) -> None:
    with pytest.raises(ConfigError) as caught:
        convert("training: {epoch: 3, lr: fast}\nmodel: {depth: 3}\n")
    assert "training.epoch: unknown key (did you mean 'training.epochs'?)" in str(caught.value)
    assert "model.depth: unknown key" in str(caught.value)
    with pytest.raises(ConfigError, match=r"training\.lr: found 'fast', expected a number > 0"):
        convert("training: {lr: fast}\n")


def test_weights_of_several_tasks_and_unstated_scales_are_pointed_out(
    convert: Callable[..., ConvertedConfig],
) -> None:
    notes = " ".join(convert("tasks: {angle: {enabled: true}, energy: {enabled: true}}").notes)
    assert "the weights of angle, energy stay" in notes
    assert "normalization: npho_scheme, npho_scale, npho_scale2, time_scale, time_shift not stated" in notes


def test_the_table_names_keys_that_exist() -> None:
    known = all_keys()
    for entry in EARLIER_KEYS.values():
        assert entry.explanation, entry.key
        for name in entry.new:
            assert name.replace("*", "energy") in known, entry.key
        # A key with a place of its own here needs no other.
        assert (entry.key.replace("*", "energy") in known) == (entry.new == (entry.key,)), entry.key
    assert earlier_key("tasks.energy.loss_beta") is EARLIER_KEYS["tasks.*.loss_beta"]
    assert set(OBJECTIVE.values()) == set(OBJECTIVES)


def test_fractions_of_faces_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    ratios = {"inner": 0.05, "outer": 0.15, "us": 0.5, "ds": 0.1, "top": 0.0, "bot": 0.25}
    for flat_in_npho in ("false", "true"):
        path.write_text(
            "objective: inpainting\ndata: {train_path: a.root, val_path: b.root}\n"
            f"model: {{mask_ratio: {ratios}, mask_npho_flat: {flat_in_npho}, encoder_dim: 64}}\n".replace(
                "'", ""
            )
        )
        batch = readings(2)
        mask = build_objective(load_config(path, ["training.channel_dropout_rate=0"]).config).augment(batch)[
            MASK
        ]
        for face in FACES:
            sensors = torch.tensor(face_ids(face))
            valid = (batch["npho"][:, sensors].abs() < 9e9).sum(1)
            wanted = torch.floor(ratios["bot" if face == "bottom" else face] * valid.double() + 1e-9).long()
            assert mask[:, sensors].sum(1).tolist() == wanted.tolist(), face


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new, exits = tmp_path / "new.yaml", []
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            main(["config", "convert", str(FILES[-1]), "-o", str(new)])
        exits.append((caught.value.code or 0, capsys.readouterr()))
    (first, made), (second, refused) = exits
    assert (first, made.out) == (0, f"wrote {new}\n")
    assert "note: training.lr_scheduler: now training.scheduler\n" in made.err
    assert second == 2
    assert "--force" in refused.err
