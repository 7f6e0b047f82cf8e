"""Checkpoints of the earlier system: the same numbers as a plain form of its networks."""

import importlib.util
from pathlib import Path

import pytest
import torch
from tests.checkpoint_files import read_checkpoint

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS, hex_edges, index_map, outer_fine_grid
from xec_geometry.cli.application import main
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.writing import save_checkpoint
from xec_models.config.network import AutoencoderConfig, ModelConfig, TaskConfig
from xec_models.earlier.conversion import convert_checkpoint
from xec_models.errors import CheckpointError
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.regressor.regressor import XECRegressor

SYSTEM = "xec-ml-wl"
specification = importlib.util.spec_from_file_location(
    "earlier_network", Path(__file__).with_name("earlier_network.py")
)
earlier = importlib.util.module_from_spec(specification)
specification.loader.exec_module(earlier)

SETTINGS = {
    "outer_mode": "finegrid",
    "outer_fine_pool": None,
    "encoder_dim": 32,
    "dim_feedforward": None,
    "num_fusion_layers": 2,
    "hidden_dim": 16,
    "active_tasks": ["angle", "energy", "timing", "uvwFI"],
    "nll_tasks": [],
    "npho_scale": 0.58,
    "npho_scale2": 1.0,
    "time_scale": 6.5e-8,
    "time_shift": 0.5,
    "sentinel_time": -5.0,
    "sentinel_npho": -1.5,
    "npho_scheme": "log1p",
    "npho_branch": "relative_npho",
    "time_branch": "time",
}
NAMES = {"encoder.position.embedding": "pos_embed", "encoder.fusion.": "fusion_transformer.", "encoder.": ""}
DECODERS = {"outer_coarse": "outer", "bottom": "bot"}


def _tables(prefix):
    return {
        f"{prefix}top_hex_indices": torch.tensor(index_map("top", SYSTEM)),
        f"{prefix}bottom_hex_indices": torch.tensor(index_map("bottom", SYSTEM)),
        f"{prefix}hex_edge_index": torch.tensor(hex_edges(SYSTEM)),
    }


def _old_name(name, prefix):
    if name.startswith("decoders."):
        _, face, rest = name.split(".", 2)
        return f"dec_{DECODERS.get(face, face)}.{rest}"
    for ours, theirs in NAMES.items():
        if name.startswith(ours):
            return prefix + theirs + name.removeprefix(ours)
    return name


def _old_state(network, prefix):
    generator = torch.Generator().manual_seed(3)
    return {
        _old_name(name, prefix): value + 0.1 * torch.randn(value.shape, generator=generator)
        for name, value in network.state_dict().items()
        if not name.startswith(("targets.", "decoders.outer_center"))
    }


def _regressor_file(**changes):
    """A checkpoint as that system wrote it: a head for each of the six tasks."""
    settings = {**SETTINGS, **changes}
    pool = settings["outer_fine_pool"] if settings["outer_mode"] == "finegrid" else None
    nll = settings["nll_tasks"]
    network = XECRegressor(
        ModelConfig(
            layout=SYSTEM,
            outer_fine_pool=pool,
            **{key: settings[key] for key in ("outer_mode", "encoder_dim", "dim_feedforward")},
            **{key: settings[key] for key in ("num_fusion_layers", "hidden_dim")},
        ),
        {name: TaskConfig(loss_fn="gaussian_nll" if name in nll else None) for name in TASKS},
        NormalizationConfig(),
    )
    state = _old_state(network, "backbone.")
    return {
        "epoch": 7,
        "model_state_dict": {**_tables("backbone."), **state},
        "ema_state_dict": None,
        "optimizer_state_dict": {"state": {}},
        "config": settings,
    }


@pytest.fixture
def x():
    values = torch.rand(2, N_SENSORS, 2, generator=torch.Generator().manual_seed(5))
    values[0, ::7] = -1.5
    values[1, ::5, 1] = -5.0
    return values


def _write(content):
    torch.save(content, "old.pth")
    return content["model_state_dict"]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _convert(capsys, *options):
    with pytest.raises(SystemExit) as end:
        main(["convert", "old.pth", "-o", "new.pth", *options])
    return end.value.code, capsys.readouterr()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outer_fine_pool": [3, 3], "active_tasks": ["angle", "energy"], "nll_tasks": ["angle", "energy"]},
        {"outer_mode": "split", "outer_fine_pool": [3, 3], "dim_feedforward": 48, "num_fusion_layers": 1},
    ],
    ids=["finegrid", "pooled-nll", "split"],
)
def test_regressor_gives_the_numbers_of_the_plain_form(changes, x, capsys):
    content = _regressor_file(**changes)
    state = {name: value.double() for name, value in _write(content).items()}
    code, printed = _convert(capsys)
    assert code == 0, printed.err
    network = load_model("new.pth")
    settings = content["config"]
    pool = settings["outer_fine_pool"] if settings["outer_mode"] == "finegrid" else None
    tokens = earlier.encode(
        state, "backbone.", x.double(), settings["outer_mode"], pool, settings["num_fusion_layers"]
    )
    with torch.no_grad():
        torch.testing.assert_close(network.encode_normalized(x).double(), tokens, rtol=0, atol=1e-5)
        outputs = network.forward_normalized(x)
    assert network.tasks == tuple(settings["active_tasks"])
    for task in network.tasks:
        raw, n = earlier.head(state, task, tokens), TASKS[task].n_outputs
        torch.testing.assert_close(outputs[task].double(), raw[:, :n], rtol=0, atol=1e-5)
        if task in settings["nll_tasks"]:
            sigma = (raw[:, n:] / 2).exp()
            torch.testing.assert_close(outputs[f"{task}_sigma"].double(), sigma, rtol=0, atol=1e-5)
    if settings["outer_mode"] == "split":
        assert "outer_fine_pool [3, 3] has no effect" in printed.out
    assert "heads of inactive tasks: " in printed.out
    normalization = read_checkpoint("new.pth")["normalization"]
    shared = normalization.keys() & settings.keys()
    assert len(shared) == 7
    assert all(normalization[key] == settings[key] for key in shared)
    assert read_checkpoint("new.pth")["config"]["data"] == {
        "npho_branch": "relative_npho",
        "time_branch": "time",
    }


def test_averaged_weights_and_prefixes(x):
    content = _regressor_file()
    plain = dict(content["model_state_dict"])
    averaged = {name: value * 1.01 if value.is_floating_point() else value for name, value in plain.items()}
    content["model_state_dict"] = {f"_orig_mod.module.{name}": value for name, value in plain.items()}
    content["ema_state_dict"] = {
        "n_averaged": torch.tensor(9),
        **{f"module._orig_mod.{name}": value for name, value in averaged.items()},
    }
    _write(content)
    conversion = convert_checkpoint("old.pth")
    assert conversion.checkpoint.epoch == 7
    assert any("n_averaged" in note for note in conversion.notes)
    assert torch.equal(
        conversion.checkpoint.weights.model["encoder.position.embedding"], plain["backbone.pos_embed"]
    )
    save_checkpoint("new.pth", conversion.checkpoint)
    state = {name: value.double() for name, value in averaged.items()}
    with torch.no_grad():
        tokens = load_model("new.pth").encode_normalized(x)
    torch.testing.assert_close(
        tokens.double(), earlier.encode(state, "backbone.", x.double()), rtol=0, atol=1e-5
    )


def test_angles_in_radians_become_degrees(x):
    state = {name: value.double() for name, value in _write(_regressor_file()).items()}
    save_checkpoint("new.pth", convert_checkpoint("old.pth", angle_unit="rad").checkpoint)
    raw = earlier.head(state, "angle", earlier.encode(state, "backbone.", x.double()))
    with torch.no_grad():
        found = load_model("new.pth").forward_normalized(x)["angle"]
    torch.testing.assert_close(found.double(), torch.rad2deg(raw), rtol=0, atol=6e-4)
    with pytest.raises(CheckpointError, match=r"angle unit 'grad'.*expected deg or rad"):
        convert_checkpoint("old.pth", angle_unit="grad")


@pytest.mark.parametrize("outer_mode", ["finegrid", "split"])
def test_masked_autoencoder(outer_mode, x):
    config = AutoencoderConfig(layout=SYSTEM, outer_mode=outer_mode, encoder_dim=32, decoder_dim=16)
    state = _old_state(XECMaskedAutoencoder(config, NormalizationConfig()), "encoder.")
    adjacency = torch.tensor(hex_edges(SYSTEM))
    tables = {**_tables("encoder."), "dec_top.adj_matrix": adjacency, "dec_bot.adj_matrix": adjacency}
    settings = {**SETTINGS, "outer_mode": outer_mode, "mask_ratio": 0.5}
    torch.save({"model_state_dict": {**state, **tables}, "config": settings}, "old.pth")
    conversion = convert_checkpoint("old.pth")
    save_checkpoint("new.pth", conversion.checkpoint)
    network = load_model("new.pth")
    assert network.model_config.mask_ratio == 0.5
    state = {name: value.double() for name, value in state.items()}
    tokens = earlier.encode(state, "encoder.", x.double(), outer_mode)
    with torch.no_grad():
        torch.testing.assert_close(network.encode_normalized(x).double(), tokens, rtol=0, atol=1e-5)
        cells = network.forward_normalized(x)
    shapes = {face: index_map(face, SYSTEM).shape for face in ("inner", "us", "ds")}
    if outer_mode == "split":
        shapes["outer_coarse"] = index_map("outer_coarse", SYSTEM).shape
        assert any("outer centre patch" in note for note in conversion.notes)
    else:
        shapes["outer"] = outer_fine_grid(layout=SYSTEM).shape
    for i, (face, shape) in enumerate(shapes.items()):
        expected = earlier.decode_grid(state, f"dec_{DECODERS.get(face, face)}", tokens[:, i], shape)
        torch.testing.assert_close(cells[face].double(), expected, rtol=0, atol=2e-5)
    for i, face in ((-2, "top"), (-1, "bottom")):
        expected = earlier.decode_hex(state, f"dec_{DECODERS.get(face, face)}", tokens[:, i])
        torch.testing.assert_close(cells[face].double(), expected, rtol=0, atol=2e-5)


def _other_edges(content):
    name = "backbone.hex_edge_index"
    content["model_state_dict"][name] = torch.tensor(hex_edges("physical"))


def _pickled(content):
    content["note"] = Path("x")


def _no_scale(content):
    del content["config"]["time_scale"]


def _wrong_task(content):
    content["config"]["active_tasks"] = ["enrgy"]


def _lost(content):
    del content["model_state_dict"]["backbone.hex_encoder.proj.0.bias"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_other_edges, "the table 'backbone.hex_edge_index'"),
        (_pickled, "holds pickled objects"),
        (_no_scale, "its settings have no time_scale"),
        (_wrong_task, "active task 'enrgy' (did you mean 'energy'?)"),
        (_lost, "'encoder.hex_encoder.proj.0.bias' missing"),
    ],
)
def test_errors_are_one_line_and_write_nothing(spoil, message, capsys):
    content = _regressor_file()
    spoil(content)
    torch.save(content, "old.pth")
    code, printed = _convert(capsys)
    assert code == 2
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("new.pth").exists()
