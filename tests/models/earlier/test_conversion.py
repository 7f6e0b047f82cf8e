"""Checkpoints of the earlier system: the numbers that its own code gave for them, or a line why not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.earlier_files import earlier_content, stored_numbers

from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import hex_edges
from xec_geometry.cli.application import main
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.writing import save_checkpoint
from xec_models.earlier.answers import Answers
from xec_models.earlier.conversion import convert_checkpoint
from xec_models.errors import CheckpointError

REGRESSORS = ("regressor_finegrid", "regressor_pool22", "regressor_pool33", "regressor_split")
AUTOENCODERS = ("mae_finegrid_npho", "mae_pool22")
INPAINTERS = ("inpainter_cross_attention", "inpainter_per_face")
# Our order of the tokens of split networks: theirs is inner, outer coarse, outer centre, us, ds, top, bottom.
SPLIT_ORDER = [0, 3, 4, 1, 2, 5, 6]
SENTINEL = -1.0


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def assert_same(found, expected):
    """To 1e-5 of the range of the expected numbers."""
    assert found.shape == expected.shape
    deviation = (found.double() - expected.double()).abs().max()
    assert deviation <= 1e-5 * (expected.max() - expected.min())


def convert(content, answers=None):
    torch.save(content, "old.pth")
    conversion = convert_checkpoint("old.pth", answers)
    save_checkpoint("new.pth", conversion.checkpoint)
    return conversion, load_model("new.pth")


def command(capsys, *options):
    with pytest.raises(SystemExit) as end:
        main(["convert", "old.pth", "-o", "new.pth", *options])
    return end.value.code, capsys.readouterr()


def raw_readings(network, x):
    """Return photons and seconds that normalize to `x`."""
    normalizer = network.encoder.normalizer
    npho, time = x.double().unbind(-1)
    return (
        torch.where(npho == SENTINEL, INVALID, normalizer.photons(npho)),
        torch.where(time == SENTINEL, INVALID, normalizer.seconds(time)),
    )


@pytest.mark.parametrize("name", REGRESSORS)
@torch.no_grad()
def test_regressor(name):
    content, numbers = earlier_content(name), stored_numbers(name)
    conversion, network = convert(content)
    tokens = network.encode_normalized(numbers["x"])
    theirs = numbers["tokens"]
    assert_same(tokens, theirs[:, SPLIT_ORDER] if theirs.shape[1] == 7 else theirs)
    raw, outputs = network.apply_heads(tokens), network.forward_normalized(numbers["x"])
    assert network.tasks == tuple(content["config"]["active_tasks"])
    for task in network.tasks:
        expected, n = numbers[f"out_{task}"], TASKS[task].n_outputs
        assert_same(raw[task], expected)
        if TASKS[task].n_classes:
            assert_same(outputs[task], expected.softmax(-1))
        elif TASKS[task].unit_vector:
            assert_same(outputs[task], expected / expected.norm(dim=1, keepdim=True))
        else:
            assert_same(outputs[task], expected[:, :n])
        if task in content["config"]["nll_tasks"]:
            assert_same(outputs[f"{task}_sigma"], (expected[:, n:] / 2).exp())
    assert any("epoch 7" in line for line in conversion.found)


@pytest.mark.parametrize("name", AUTOENCODERS)
@torch.no_grad()
def test_autoencoder(name):
    numbers = stored_numbers(name)
    # Readings of few photons have times there.
    _, network = convert(earlier_content(name), Answers(npho_threshold=-1e9))
    assert_same(network.encode_normalized(numbers["x"]), numbers["tokens_dense"])
    tokens = network.encode_normalized(numbers["x_masked"], numbers["encoder_mask"].bool())
    assert_same(tokens, numbers["tokens_masked"])
    hidden = numbers["hidden"].bool()
    from_raw = network.double().reconstruct_cells(*raw_readings(network, numbers["x"]), hidden)
    for face, cells in network.float().decode(tokens).items():
        expected = numbers[f"rec_{'bot' if face == 'bottom' else face}"].flatten(2).transpose(1, 2)
        assert_same(cells, expected)
        # Which sensors are masked, and what stands there, follows from the readings.
        assert_same(from_raw[face], expected)


@pytest.mark.parametrize("name", INPAINTERS)
@torch.no_grad()
def test_inpainter(name):
    numbers = stored_numbers(name)
    content = earlier_content(name, npho_threshold=None)
    _, network = convert(content, Answers(npho_threshold=-1e9))
    hidden = numbers["mask"].bool()
    found = network.reconstruct_normalized(numbers["x"], hidden)
    assert_same(found[hidden], numbers["predicted"][hidden])
    assert torch.equal(found[~hidden], numbers["x"][..., :1][~hidden])
    assert network.model_config.freeze_encoder
    npho, time = raw_readings(network, numbers["x"])
    recovered = network.double()(npho, time, hidden)["npho"]
    # The default normalization, from its definition.
    assert_same(recovered[hidden], 1000 * torch.expm1(4.08 * numbers["predicted"][..., 0][hidden].double()))
    assert torch.equal(recovered[~hidden], npho[~hidden])


@torch.no_grad()
def test_averaged_weights_and_prefixes():
    content, numbers = earlier_content("regressor_pool33"), stored_numbers("regressor_pool33")
    averaged = content["model_state_dict"]
    last = {name: value * 1.01 if value.is_floating_point() else value for name, value in averaged.items()}
    content["model_state_dict"] = {f"_orig_mod.module.{name}": value for name, value in last.items()}
    content["ema_state_dict"] = {
        "n_averaged": torch.tensor(9),
        **{f"module._orig_mod.{name}": value for name, value in averaged.items()},
    }
    conversion, network = convert(content)
    assert conversion.checkpoint.epoch == 7
    assert any("n_averaged" in note for note in conversion.notes)
    found = conversion.checkpoint.weights.model["encoder.position.embedding"]
    assert torch.equal(found, last["backbone.pos_embed"])
    assert_same(network.encode_normalized(numbers["x"]), numbers["tokens"])


@torch.no_grad()
def test_angles_in_radians_become_degrees():
    numbers = stored_numbers("regressor_pool22")
    _, network = convert(earlier_content("regressor_pool22"), Answers(angle_unit="rad"))
    found, expected = network.forward_normalized(numbers["x"]), numbers["out_angle"]
    assert_same(found["angle"], torch.rad2deg(expected[:, :2]))
    assert_same(found["angle_sigma"], torch.rad2deg((expected[:, 2:] / 2).exp()))
    with pytest.raises(CheckpointError, match=r"angle unit 'grad'.*expected deg or rad"):
        convert_checkpoint("old.pth", Answers(angle_unit="grad"))


@torch.no_grad()
def test_a_head_that_learned_logarithms(capsys):
    numbers = stored_numbers("regressor_pool22")
    content = earlier_content("regressor_pool22")
    conversion, network = convert(content)
    assert not network.task_configs["energy"].log_transform
    (warning,) = conversion.warnings
    assert "log_transform" in warning
    assert "--log-transform energy" in warning
    conversion, network = convert(content, Answers(log_transform=("energy",)))
    assert conversion.warnings == ()
    found, (mean, log_variance) = network.forward_normalized(numbers["x"]), numbers["out_energy"].T
    assert_same(found["energy"][:, 0], mean.exp())
    assert_same(found["energy_sigma"][:, 0], (log_variance / 2).exp() * mean.exp())
    code, printed = command(capsys, "--force")
    assert code == 0
    assert printed.err.startswith("warning: energy: ")
    for options, message in (
        (("--log-transform", "none"), ""),
        (("--log-transform", "engery"), "unknown task 'engery' (did you mean 'energy'?)"),
        (("--log-transform", "timing"), "--log-transform timing: no active task; found angle, energy"),
        (("--log-transform", "angle"), "angle.log_transform: the values are not positive numbers"),
        (("--log-transform", "none", "--log-transform", "energy"), "contradict"),
    ):
        code, printed = command(capsys, "--force", *options)
        assert (code, printed.err.count("\n")) == ((2, 1) if message else (0, 0))
        assert message in printed.err


def test_the_command_says_what_was_found_and_assumed(capsys):
    torch.save(
        earlier_content("regressor_split", outer_fine_pool=[3, 3], npho_branch="relative_npho"), "old.pth"
    )
    code, printed = command(capsys)
    assert code == 0
    assert printed.err == ""
    for line in (
        "found: a regressor of xec-ml-wl, epoch 7; weights: last (no EMA)",
        "note: outer_fine_pool [3, 3] has no effect with outer_mode split: null",
        "note: npho_threshold is not in its settings: 100 photons assumed",
        "note: angles: trained on emiAng in deg",
        "note: not converted, heads of inactive tasks: energy, timing",
        "normalization: preset=default, npho_scheme=log1p, npho_scale=1000.0",
        "  xec predict new.pth",
        "  xec config convert OLD.yaml --checkpoint new.pth -o run.yaml ",
        "  xec config new --checkpoint new.pth -o run.yaml ",
        "  xec train run.yaml ",
    ):
        assert f"\n{line}" in f"\n{printed.out}"
    converted = read_checkpoint("new.pth")
    assert converted["config"]["data"] == {"npho_branch": "relative_npho", "time_branch": "relative_time"}
    assert converted["converted_from"] == "xec-ml-wl"


NOTHING = dict.fromkeys(
    ("npho_scale", "npho_scale2", "time_scale", "time_shift", "sentinel_time", "sentinel_npho", "npho_scheme")
)
LEGACY = {"npho_scale": 0.58, "npho_scale2": 1.0, "time_scale": 6.5e-8, "time_shift": 0.5}


def test_constants_that_the_file_does_not_state(capsys):
    torch.save(earlier_content("mae_finegrid_npho", **NOTHING), "old.pth")
    code, printed = command(capsys)
    assert code == 2
    assert (
        "its settings have no npho_scale, npho_scale2, time_scale, time_shift, sentinel_time" in printed.err
    )
    assert "--normalization" in printed.err
    assert not Path("new.pth").exists()
    code, printed = command(capsys, "--normalization", "preset=legacy", "--normalization", "sentinel_time=-3")
    assert code == 0
    (warning,) = printed.err.splitlines()
    assert warning.startswith("warning: not in its settings, from the preset 'legacy': npho_scheme=log1p, ")
    found = read_checkpoint("new.pth")["normalization"]
    assert found["sentinel_time"] == -3
    assert {key: found[key] for key in LEGACY} == LEGACY
    given = {"npho_scale": 7, "npho_scale2": 2, "time_scale": 1e-8, "time_shift": 0, "sentinel_time": -4}
    options = [text for key, value in given.items() for text in ("--normalization", f"{key}={value}")]
    code, printed = command(capsys, "--force", *options)
    assert code == 0
    assert "sentinel_npho is not in its settings: -4.0 assumed" in printed.err
    found = read_checkpoint("new.pth")["normalization"]
    assert {key: found[key] for key in given} == given


def test_constants_under_the_names_of_older_files():
    older = {
        "sentinel_value": -2.0,
        "npho_sentinel_value": -3.0,
        "sentinel_time": None,
        "sentinel_npho": None,
    }
    _, network = convert(earlier_content("mae_finegrid_npho", **older))
    assert (network.normalization.sentinel_time, network.normalization.sentinel_npho) == (-2.0, -3.0)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("time_scale=1e-8", "--normalization time_scale=1e-8 contradicts its settings, which state 1.14e-07"),
        ("time_scal=1e-8", "unknown key 'time_scal' (did you mean 'time_scale'"),
        ("time_scale", "expected KEY=VALUE"),
        ("preset=legcy", "legcy"),
        ("npho_scale=many", "npho_scale"),
    ],
)
def test_wrong_constants_are_refused(option, message, capsys):
    torch.save(earlier_content("mae_finegrid_npho"), "old.pth")
    code, printed = command(capsys, "--normalization", option)
    assert code == 2
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("new.pth").exists()


def _other_edges(content):
    content["model_state_dict"]["backbone.hex_edge_index"] = torch.tensor(hex_edges("physical"))


def _pickled(content):
    content["note"] = Path("x")


def _wrong_task(content):
    content["config"]["active_tasks"] = ["enrgy"]


def _lost(content):
    del content["model_state_dict"]["backbone.hex_encoder.proj.0.bias"]


def _split(content):
    content["config"] |= {"outer_mode": "split", "outer_fine_pool": None}


def _other_pool(content):
    content["config"]["outer_fine_pool"] = [3, 2]


def _huge_pool(content):
    content["config"]["outer_fine_pool"] = [40, 2]


def _no_position(content):
    del content["model_state_dict"]["backbone.pos_embed"]


def _masked_attention(content):
    content["config"]["use_masked_attention"] = True
    state = content["model_state_dict"]
    content["model_state_dict"] = {
        name: value for name, value in state.items() if not name.startswith("head_inner.pred_head")
    }


def _with_times(content):
    state = content["model_state_dict"]
    for part in ("weight", "bias"):
        name = f"cross_attn_head.pred_mlp.3.{part}"
        state[name] = state[name].repeat_interleave(2, 0)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("regressor_pool22", _other_edges, "the table 'backbone.hex_edge_index'"),
        ("regressor_pool22", _pickled, "holds pickled objects"),
        ("regressor_pool22", _wrong_task, "active task 'enrgy' (did you mean 'energy'?)"),
        ("regressor_pool22", _lost, "'encoder.hex_encoder.proj.0.bias' missing"),
        ("regressor_pool22", _huge_pool, "outer_fine_pool is [40, 2]"),
        ("regressor_pool22", _no_position, "'backbone.pos_embed' missing"),
        ("regressor_pool22", _split, "'backbone.pos_embed' has 6 tokens, expected 7 with outer_mode split"),
        ("mae_pool22", _split, "with outer_mode split cannot be converted"),
        ("inpainter_per_face", _split, "with outer_mode split cannot be converted"),
        ("inpainter_per_face", _other_pool, "the table 'head_outer_sensor.gather_indices'"),
        ("inpainter_per_face", _masked_attention, "use_masked_attention True; expected head_type"),
        ("inpainter_cross_attention", _with_times, "predicts 2 channels cannot be converted"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_writes_nothing(name, spoil, message, capsys):
    content = earlier_content(name)
    spoil(content)
    torch.save(content, "old.pth")
    code, printed = command(capsys)
    assert code == 2
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("new.pth").exists()
