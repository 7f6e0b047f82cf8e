import pickle
import subprocess
import sys
import typing
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task, Truth
from xec_geometry import N_SENSORS, geometry_hash
from xec_geometry.support.output import OutputError
from xec_models import load_model
from xec_models.checkpoint.building import build_model, load_parameters
from xec_models.checkpoint.content import (
    FORMAT_VERSION,
    Configuration,
    NetworkWeights,
    OutputLabel,
    ProcessState,
    RandomState,
    SamplerState,
    TrainingState,
)
from xec_models.checkpoint.file_types import check_content
from xec_models.checkpoint.plain import load_plain
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import RegressorConfig, TaskConfig
from xec_models.encoder.network import Network
from xec_models.errors import CheckpointError
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.regressor.regressor import XECRegressor


@pytest.fixture
def network(small_network):
    network = small_network(["energy", "uvwFI"], hex_conv="attention", outer_fine_pool=(3, 3))
    network.fit_targets({"energy": np.array([[0.04], [0.06]]), "uvwFI": np.array([[1.0, 2, 3], [4, 8, 5]])})
    return network


@pytest.fixture
def checkpoint(network):
    config = {
        "model": network.model_config.model_dump(mode="json"),
        "tasks": {name: task.model_dump() for name, task in network.task_configs.items()},
        "normalization": NormalizationConfig().model_dump(),
    }
    return new_checkpoint("regressor", config, NetworkWeights(network.state_dict()), epoch=3)


@pytest.fixture
def saved(tmp_path, checkpoint):
    path = tmp_path / "checkpoint.pth"
    save_checkpoint(path, checkpoint)
    return path


@torch.no_grad()
def test_a_checkpoint_is_all_that_a_network_needs(saved, network, raw_events):
    readings = raw_events(3)
    loaded = load_model(saved)
    assert not loaded.training
    found, expected = loaded(*readings), network(*readings)
    assert found.keys() == expected.keys()
    for task, values in expected.items():
        assert torch.equal(found[task], values)


# Packages of which each takes about as long to import as a network takes to be read.
HEAVY = ("torch._dynamo", "torch._inductor", "torch.onnx", "torch_geometric", "scipy", "uproot", "sympy")

FIRST_PREDICTION = f"""
import sys
import numpy as np
from xec_models import load_model
network = load_model(sys.argv[1])
network.predict(np.ones({N_SENSORS}, np.float32), np.zeros({N_SENSORS}, np.float32))
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_the_first_prediction_waits_for_no_package_that_it_does_not_need(tmp_path):
    model = RegressorConfig(encoder_dim=64, hidden_dim=32, anchor="light", window=(8, 8))
    network = XECRegressor(model, {"energy": TaskConfig()}, NormalizationConfig())
    config = {
        "model": model.model_dump(mode="json"),
        "tasks": {"energy": TaskConfig().model_dump()},
        "normalization": NormalizationConfig().model_dump(),
    }
    path = tmp_path / "checkpoint.pth"
    save_checkpoint(path, new_checkpoint("regressor", config, NetworkWeights(network.state_dict())))
    command = [sys.executable, "-c", FIRST_PREDICTION, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[]"


def test_what_can_be_derived_is_filled_in(saved):
    content = load_plain(saved)
    assert content["format_version"] == FORMAT_VERSION
    assert content["layout"] == "physical"
    assert len(content["geometry_hash"]) == 64
    assert content["normalization"]["npho_scale"] == 1000.0
    assert {"xec-models", "xec-geometry", "torch"} <= set(content["versions"])
    assert content["epoch"] == 3


def test_files_of_the_first_version(tmp_path, network, checkpoint, raw_events):
    """Everything that version 1 states, literally."""
    state = network.state_dict()
    averaged = {name: value.clone() for name, value in state.items()}
    random = {"torch": torch.get_rng_state(), "cuda": []}
    means = {"sums": {"loss": torch.tensor(2.5, dtype=torch.float64)}, "n_events": 30}
    order = {"n_batches": 9, "batch_size": 10, "group_events": 40, "seed": 7, "world": 2}
    content = {
        "format_version": 1,
        "normalization": {"npho_scheme": "log1p", "npho_scale": 1000.0},
        "layout": "physical",
        "geometry_hash": geometry_hash("physical"),
        "versions": {"python": "3.11.9", "xec-models": "0.9.0"},
        "kind": "regressor",
        "config": dict(checkpoint.config.sections),
        "git_revision": "0123abcd",
        "mlflow_run_id": "run7",
        "model": state,
        "ema_model": averaged,
        "ema_updates": 12,
        "optimizer": {"state": {0: {"step": torch.tensor(12.0)}}, "param_groups": [{"lr": 1e-3}]},
        "scheduler": {"last_epoch": 12, "begun": 0},
        "scaler": {},
        "rng": random,
        "epoch": 1,
        "step": 12,
        "best_value": 0.25,
        "sigma_factors": {},
        "bad_steps": [2, 1],
        "sampler": {"batch": 3, **means, **order},
        "processes": [{"rng": random, "means": {**means, "n_events": n}} for n in (30, 31)],
    }
    path = tmp_path / "first.pth"
    torch.save(content, path)
    read = read_checkpoint(path)
    assert (read.kind, read.epoch, read.missing) == ("regressor", 1, ())
    assert read.config.enabled_tasks == ("energy", "uvwFI")
    assert (read.provenance.format_version, read.provenance.layout) == (1, "physical")
    assert (read.provenance.git_revision, read.provenance.mlflow_run_id) == ("0123abcd", "run7")
    assert read.provenance.writer == "xec-models 0.9.0"
    assert [(label.name, label.unit) for label in read.outputs["uvwFI"]] == [(x, "cm") for x in "uvw"]
    training = read.continuation()
    assert (training.step, training.best_value, training.average_updates) == (12, 0.25, 12)
    assert (training.bad_steps, training.bad_steps_in_a_row) == (2, 1)
    assert (training.sampler.batch, training.sampler.order) == (3, order)
    assert training.own.loss_sums == means["sums"]
    assert [training.of_process(rank, 2).n_events for rank in (0, 1)] == [30, 31]
    assert training.of_process(2, 3).n_events == 30
    assert training.optimizer["state"][0]["step"] == 12
    assert training.objective == {}
    with torch.no_grad():
        assert torch.equal(load_model(path)(*raw_events(1))["uvwFI"], network(*raw_events(1))["uvwFI"])
    # Written again it says the same, as a file of today.
    save_checkpoint(tmp_path / "again.pth", read)
    again = load_plain(tmp_path / "again.pth")
    assert again["format_version"] == FORMAT_VERSION
    assert again.keys() == content.keys() | {"largest_gradient",
        "outputs", "objective", "ema_objective", "residual_factors", "timing", "inputs"
    }  # fmt: skip
    assert again["sampler"] == content["sampler"]
    assert again["bad_steps"] == [2, 1]


def test_averaged_weights_are_preferred(tmp_path, checkpoint, network):
    averaged = {name: value + 1 for name, value in network.state_dict().items()}
    path = tmp_path / "ema.pth"
    save_checkpoint(path, replace(checkpoint, weights=replace(checkpoint.weights, averaged=averaged)))
    name = "encoder.backbone.stem.0.weight"
    assert torch.equal(load_model(path).state_dict()[name], averaged[name])
    plain = build_model(read_checkpoint(path), prefer_ema=False)
    assert torch.equal(plain.state_dict()[name], network.state_dict()[name])


def test_loaded_networks_are_of_the_class_that_was_asked_for(saved):
    asked, any_network = typing.get_overloads(load_model)[::-1]
    assert typing.get_type_hints(any_network)["return"] is Network
    assert typing.get_type_hints(asked)["return"].__bound__ is Network
    assert isinstance(load_model(saved, kind=XECRegressor), XECRegressor)
    with pytest.raises(CheckpointError, match="of the kind 'regressor', expected 'mae'"):
        load_model(saved, kind=XECMaskedAutoencoder)


def test_outputs_are_described(saved):
    assert load_plain(saved)["outputs"] == {
        "energy": [{"name": "energy", "unit": "GeV", "symbol": r"$E_\gamma$"}],
        "uvwFI": [{"name": name, "unit": "cm", "symbol": f"${name}$"} for name in "uvw"],
    }
    assert read_checkpoint(saved).outputs["energy"] == (OutputLabel("energy", "GeV", r"$E_\gamma$"),)


class TestTasksOfPackagesThatAreNotInstalled:
    TASK = Task(
        name="impact_parameter",
        meaning="distance of the photon's line from the beam axis",
        outputs=(Output("b", "cm", "$b$"), Output("turns")),
        truth=Truth(("emiVec", "xyzTruth"), lambda arrays: arrays["emiVec"][:, :2]),
        default_loss="l1",
    )

    @pytest.fixture
    def network_of(self, small_network):
        def build(tasks):
            TASKS.register(self.TASK)
            try:
                yield small_network(tasks, outer_fine_pool=(3, 3))
            finally:
                TASKS.unregister(self.TASK.name)

        return contextmanager(build)

    def test_the_checkpoint_tells_what_it_predicts_and_what_to_install(
        self, tmp_path, checkpoint, network_of
    ):
        path = tmp_path / "plugin.pth"
        with network_of(["energy", "impact_parameter"]) as network:
            tasks = {name: task.model_dump() for name, task in network.task_configs.items()}
            sections = {**checkpoint.config.sections, "tasks": tasks}
            sections["model"] = network.model_config.model_dump(mode="json")
            weights = NetworkWeights(network.state_dict())
            save_checkpoint(path, new_checkpoint("regressor", sections, weights))
            load_model(path)
        assert read_checkpoint(path).outputs["impact_parameter"] == (
            OutputLabel("b", "cm", "$b$"),
            OutputLabel("turns", "1", "turns"),
        )
        with pytest.raises(CheckpointError) as raised:
            load_model(path)
        assert str(raised.value) == (
            f"{path}: its task 'impact_parameter' is defined by no installed package, its outputs are "
            "b (cm), turns (1); install the package that provides it (entry-point group xec.tasks)"
        )

    def test_all_of_several_are_named(self, tmp_path, checkpoint):
        path = tmp_path / "plugins.pth"
        tasks = {**checkpoint.config.sections["tasks"], "tilt": {"enabled": True}, "depth": {"enabled": True}}
        sections = {**checkpoint.config.sections, "tasks": tasks}
        save_checkpoint(path, replace(checkpoint, config=Configuration(sections)))
        with pytest.raises(
            CheckpointError, match=r"its task 'tilt' is .*; its task 'depth' is .*that provides them"
        ):
            load_model(path)

    def test_a_task_without_a_head_is_no_hindrance(self, tmp_path, checkpoint):
        path = tmp_path / "other.pth"
        sections = dict(checkpoint.config.sections)
        sections["tasks"] = {**sections["tasks"], "impact_parameter": {"enabled": False}}
        save_checkpoint(path, replace(checkpoint, config=Configuration(sections)))
        assert load_model(path, kind=XECRegressor).tasks == ("energy", "uvwFI")


def test_files_that_are_no_checkpoint(tmp_path):
    text = tmp_path / "notes.pth"
    text.write_text("energy resolution: 1.8 %\n")
    empty = tmp_path / "empty.pth"
    empty.touch()
    tensor = tmp_path / "tensor.pth"
    torch.save(torch.zeros(3), tensor)
    other = tmp_path / "other.pth"
    torch.save({"weights": torch.zeros(3)}, other)
    for path, message in (
        (tmp_path / "none.pth", "no such checkpoint"),
        (tmp_path, r"is a folder, expected a checkpoint such as .*checkpoint_best\.pth"),
        (text, "no checkpoint"),
        (empty, "is empty"),
        (tensor, "holds a Tensor, expected a dict"),
        (other, "format_version, kind, config, layout, geometry_hash, model missing, found weights"),
    ):
        with pytest.raises(CheckpointError, match=message) as raised:
            load_model(path)
        assert "\n" not in str(raised.value)
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated(saved, part):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pth is truncated \(\d+ bytes\)"):
        load_model(saved)


def test_damaged_in_the_middle(saved):
    content = bytearray(saved.read_bytes())
    start = content.index(b"data.pkl") + 200
    content[start : start + 3000] = bytes(3000)
    saved.write_bytes(content)
    with pytest.raises(CheckpointError) as raised:
        load_model(saved)
    assert "\n" not in str(raised.value)


def test_one_flipped_bit_anywhere_is_noticed(saved, tmp_path):
    content = saved.read_bytes()
    rng = np.random.default_rng(0)
    original = {name: value.clone() for name, value in load_model(saved).state_dict().items()}
    noticed = 0
    for place in rng.integers(0, len(content), 40):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(0, 8)
        path = tmp_path / "damaged.pth"
        path.write_bytes(damaged)
        # Else it is between the records, in nothing that is read.
        found = original
        with suppress(CheckpointError):
            noticed += 1
            found = load_model(path).state_dict()
            noticed -= 1
        assert all(torch.equal(value, original[name]) for name, value in found.items())
    assert noticed > 20


def test_a_compressed_file_is_refused_before_it_fills_the_memory(saved, tmp_path):
    path = tmp_path / "small.pth"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for record in old.infolist():
            new.writestr(record.filename, old.read(record))
    with pytest.raises(CheckpointError, match="is no checkpoint: it is compressed"):
        load_model(path)


class _Malice:
    def __reduce__(self):
        return (pytest.fail, ("code of a checkpoint was executed",))


@pytest.mark.parametrize("new_format", [True, False])
def test_pickled_objects_are_refused(tmp_path, new_format):
    for number, content in enumerate([nn.Linear(2, 2), {"model": _Malice()}]):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=new_format)
        with pytest.raises(CheckpointError, match=r"holds pickled objects.*save its state_dict"):
            load_model(path)
    raw = tmp_path / "raw.pth"
    raw.write_bytes(pickle.dumps(_Malice()))
    with pytest.raises(CheckpointError, match="holds pickled objects"):
        load_model(raw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "regresor"}, "unknown kind of network 'regresor'.*did you mean 'regressor'"),
        (
            {"format_version": 99},
            "format version 99, this version of xec-models reads 1 and 2.*xec-models 0",
        ),
        ({"geometry_hash": "f" * 64}, "trained on another geometry .hash ffffffffffff"),
        ({"layout": "phsical"}, r"checkpoint\.pth: unknown layout.*did you mean 'physical'"),
        ({"config": {"model": {}}}, "configuration has no section 'tasks'"),
    ],
)
def test_other_kinds_versions_and_geometries(saved, change, message):
    content = {**load_plain(saved), **change}
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": torch.zeros(2)}, "has the format version tensor"),
        ({"format_version": None}, "has the format version None"),
        ({"kind": 3}, "'kind' is 3: Input should be a valid string"),
        ({"config": 0.5}, "'config' is 0.5: Input should be a valid dictionary"),
        ({"config": {"tasks": "energy"}}, "config: 'tasks' is 'energy'"),
        ({"config": {"tasks": {"energy": 1}}}, r"config: 'tasks\.energy' is 1"),
        ({"config": {"data": [1]}}, "config: 'data' is list"),
        ({"model": [1]}, "'model' is list"),
        ({"model": {3: torch.zeros(1)}}, "'model.3.*' is 3"),
        ({"ema_model": {"x": 1.0}}, r"'ema_model\.x' is 1\.0: Input should be an instance of Tensor"),
        ({"outputs": {"energy": [{3: "x"}]}}, "'outputs"),
        ({"outputs": {"energy": 3}}, r"'outputs\.energy' is 3"),
        ({"inputs": {"npho": 0.5}}, r"'inputs\.npho' is 0\.5"),
        ({"inputs": {"npho": [1.0]}}, r"'inputs\.npho' is list: .* at least 2 items"),
        ({"sigma_factors": 3}, "'sigma_factors' is 3"),
        ({"sigma_factors": {"energy": ["x"]}}, r"'sigma_factors\.energy\.0' is 'x'"),
        ({"versions": {"xec-models": None}}, "'versions.xec-models' is NoneType"),
        ({"epoch": "3"}, "'epoch' is '3': Input should be a valid integer"),
    ],
)
def test_values_of_other_types_are_named(saved, change, message):
    torch.save({**load_plain(saved), **change}, saved)
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pth.*{message}"):
        load_model(saved)


TRAINING = {
    "optimizer": {"state": {}},
    "scheduler": {"last_epoch": 1},
    "rng": {"torch": torch.zeros(3, dtype=torch.uint8)},
    "sampler": {"batch": 1, "sums": {}, "n_events": 3},
    "step": 1,
    "best_value": 0.5,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": torch.zeros(2)}, "'optimizer' is Tensor"),
        ({"rng": [1]}, "'rng' is list"),
        ({"rng": {"cuda": []}}, r"state of its training has no 'rng\.torch'"),
        ({"sampler": {"batch": "1", "sums": {}, "n_events": 3}}, r"'sampler\.batch' is '1'"),
        ({"sampler": {"batch": 1}}, r"state of its training has no 'sampler\.sums'"),
        ({"step": None}, "'step' is NoneType"),
        ({"bad_steps": 7}, "'bad_steps' is 7"),
        ({"processes": [{"rng": 1}]}, r"'processes\.0\.rng' is 1"),
        ({"objective": 2}, "'objective' is 2"),
    ],
)
def test_values_of_other_types_in_the_state_of_a_training(saved, change, message):
    content = {**load_plain(saved), **TRAINING}
    torch.save(content, saved)
    assert read_checkpoint(saved).continuation().step == 1
    torch.save({**content, **change}, saved)
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pth.*{message}"):
        read_checkpoint(saved)


@pytest.mark.parametrize("size", [2**40, 10**400])
def test_sizes_that_the_parameters_cannot_have_take_no_memory(saved, size):
    content = load_plain(saved)
    content["config"]["model"]["encoder_dim"] = size
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"encoder_dim is 1.*, but its parameters are \d+ numbers"):
        load_model(saved)


@pytest.mark.parametrize(
    "odd",
    [torch.zeros(2, dtype=torch.complex64), torch.ones(2, dtype=torch.int64), torch.ones(2).to_sparse()],
)
def test_parameters_that_are_no_real_numbers_are_refused(odd):
    model = nn.LayerNorm(2)
    with pytest.raises(CheckpointError, match=r"'bias' holds torch.*; expected torch\.float32"):
        load_parameters(model, {**model.state_dict(), "bias": odd})
    load_parameters(model, {**model.state_dict(), "bias": torch.full((2,), 0.5, dtype=torch.float64)})
    assert model.bias.tolist() == [0.5, 0.5]


def test_a_configuration_that_is_not_valid(saved):
    content = load_plain(saved)
    content["config"]["model"]["encoder_dim"] = 65
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"not valid: encoder_dim: .*expected a multiple of 32"):
        load_model(saved)


def test_checkpoints_of_the_earlier_system_are_recognized(tmp_path):
    path = tmp_path / "old.pth"
    torch.save({"model_state_dict": {}, "config": {}, "epoch": 1}, path)
    with pytest.raises(CheckpointError, match="earlier system xec-ml-wl"):
        load_model(path)


def test_parameters_that_do_not_fit_are_named():
    model = nn.ModuleDict({"encoder": nn.Linear(3, 2), "norm": nn.LayerNorm(2)})
    state = model.state_dict()
    state["encoder.wieght"] = state.pop("encoder.weight")
    state["norm.bias"] = torch.zeros(5)
    with pytest.raises(CheckpointError) as raised:
        load_parameters(model, state, "x.pth")
    message = str(raised.value)
    assert message.startswith("x.pth: parameters do not fit the network")
    assert "'norm.bias' has the shape (5,), expected (2,)" in message
    assert "'encoder.weight' missing (did you mean 'encoder.wieght'" in message
    assert "'encoder.wieght' not expected (did you mean 'encoder.weight'" in message


def test_only_plain_values_are_written(tmp_path, checkpoint):
    path = tmp_path / "x.pth"
    training = TrainingState(
        optimizer={"numpy": ("MT19937", np.zeros(3))},
        scheduler={},
        scaler={},
        sampler=SamplerState(0),
        own=ProcessState(RandomState(torch.get_rng_state())),
        step=0,
        best_value=1.0,
    )
    with pytest.raises(CheckpointError, match=r"'optimizer\.numpy\[1\]' is a numpy\.ndarray, expected tens"):
        save_checkpoint(path, replace(checkpoint, training=training))
    with pytest.raises(CheckpointError, match=r"cannot write .*: unknown kind of network 'regresor'"):
        save_checkpoint(path, replace(checkpoint, kind="regresor"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path, checkpoint):
    with pytest.raises(OutputError, match="does not exist"):
        save_checkpoint(tmp_path / "none" / "x.pth", checkpoint)


def test_a_tensor_in_a_configuration_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"x: config\.tasks\.energy\.enabled is a tensor"):
        check_content(
            {
                **dict.fromkeys(("kind", "layout", "geometry_hash"), "a"),
                "model": {},
                "config": {"tasks": {"energy": {"enabled": torch.ones(2)}}},
            },
            "x",
        )
