"""``xec inpaint``: dead channels are recovered, everything else is as it was."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from xec_data import DataError, TreeWriter
from xec_data.checking.input_range import event_quantities, measure_range
from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import is_invalid
from xec_export.inpainting.files import inpaint_files
from xec_export.inpainting.network import InpaintingNetwork
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import InpainterConfig
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

N_EVENTS = 21
DEAD = [0, 17, 4000, 4100, 4759]


def events(n=N_EVENTS, seed=0, run=7):
    rng = np.random.default_rng(seed)
    npho = rng.exponential(600.0, (n, N_SENSORS)).astype(np.float32)
    time = rng.uniform(0.0, 1.5e-7, (n, N_SENSORS)).astype(np.float32)
    npho[:, 3] = 1e10
    npho[0, 9] = np.nan
    time[:, ::3] = 1e10
    return {
        "npho": npho,
        "relative_time": time,
        "run": np.full(n, run, np.int32),
        "event": np.arange(n, dtype=np.int32),
        "energyTruth": rng.uniform(0.02, 0.06, n).astype(np.float32),
        "what_is_it": rng.normal(size=(n, 2, 3)),
        "small": rng.integers(0, 100, n).astype(np.uint8),
    }


def write(path, columns, tree="tree"):
    with TreeWriter(path, tree, "a title", metadata={"made": "by a test"}) as writer:
        writer.extend(columns)
    return path


def read(path, tree="tree"):
    with uproot.open(path) as file:
        return file[tree].arrays(library="np")


@pytest.fixture(scope="module")
def make_network(tmp_path_factory):
    """A function that gives the checkpoint of a small inpainter."""

    def make(inputs=None, **model):
        torch.manual_seed(3)
        config = {
            "model": InpainterConfig(
                encoder_dim=64, outer_fine_pool=(3, 3), num_fusion_layers=1, **model
            ).model_dump(mode="json"),
            "normalization": NormalizationConfig().model_dump(mode="json"),
            "data": {"npho_branch": "npho", "time_branch": "relative_time"},
        }
        network = XECInpainter.from_config(config)
        path = tmp_path_factory.mktemp("network") / "checkpoint_best.pth"
        weights = NetworkWeights(network.state_dict())
        save_checkpoint(path, new_checkpoint("inpainter", config, weights, inputs=inputs))
        return path

    return make


@pytest.fixture(scope="module")
def network(make_network):
    return make_network()


@pytest.fixture
def dead_list(tmp_path):
    path = tmp_path / "dead.txt"
    path.write_text("# broken\n" + "\n".join(map(str, DEAD)) + "\n")
    return path


def inpaint(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["inpaint", *map(str, arguments)])
    return end.value.code or 0


def test_a_list_of_dead_channels(tmp_path, network, dead_list, capsys):
    columns = events()
    source = write(tmp_path / "in.root", columns)
    out = tmp_path / "out.root"
    assert inpaint(network, source, "-o", out, "--dead", dead_list) == 0
    said = capsys.readouterr().out
    assert f"{N_EVENTS * len(DEAD)} dead channels recovered" in said
    assert f"in {N_EVENTS} events" in said
    found = read(out)
    assert set(found) == {*columns, "inpainted"}
    flags = np.zeros((N_EVENTS, N_SENSORS), dtype=bool)
    flags[:, DEAD] = True
    np.testing.assert_array_equal(found["inpainted"], flags)
    for name, values in columns.items():
        assert found[name].dtype == values.dtype
        same = ~flags if name in ("npho", "relative_time") else np.full(values.shape, True)
        np.testing.assert_array_equal(found[name][same], values[same])
    recovered = found["npho"][flags]
    assert np.isfinite(recovered).all()
    assert (recovered < 1e5).all()
    assert (found["npho"][flags] != columns["npho"][flags]).all()


@pytest.mark.parametrize(
    ("options", "said", "recovered"),
    [
        (
            ["--dead"],
            "105 of sensors known as bad, 0 only without a valid count in their event; 22",
            DEAD,
        ),
        (["--invalid", "--dead"], "105 of sensors known as bad, 22 only without a valid count", [*DEAD, 3]),
        (["--no-invalid"], "0 of sensors known as bad, 0 only without a valid count", []),
        ([], "0 of sensors known as bad, 22 only without a valid count in their event; 0 others", [3]),
    ],
)
def test_known_as_bad_and_invalid_in_an_event(tmp_path, network, dead_list, capsys, options, said, recovered):
    source, out = write(tmp_path / "in.root", events()), tmp_path / "out.root"
    listed = [dead_list] if "--dead" in options else []
    assert inpaint(network, source, "-o", out, *options, *listed) == 0
    assert said in capsys.readouterr().out
    found = read(out)
    # Sensor 9 is invalid in the first event alone.
    expected = sorted([*recovered, 9] if 3 in recovered else recovered)
    np.testing.assert_array_equal(np.flatnonzero(found["inpainted"][0]), expected)
    np.testing.assert_array_equal(np.flatnonzero(found["inpainted"][1]), sorted(recovered))
    assert (np.abs(found["npho"][1, 3]) < 9e9) == (3 in recovered)


def test_recovered_numbers_are_those_of_the_network(tmp_path, network, dead_list):
    columns = events()
    out = tmp_path / "out.root"
    assert inpaint(network, write(tmp_path / "in.root", columns), "-o", out, "--dead", dead_list) == 0
    model = InpaintingNetwork(network)
    mask = np.zeros((N_EVENTS, N_SENSORS), dtype=bool)
    mask[:, DEAD] = True
    expected = model.recover(columns["npho"], columns["relative_time"], mask)
    found = read(out)
    np.testing.assert_allclose(found["npho"][mask], expected["npho"][mask], rtol=1e-4, atol=1e-2)
    dark = expected["npho"] < model.npho_threshold
    assert (found["relative_time"][mask & dark] == np.float32(1e10)).all()
    bright = mask & ~dark
    np.testing.assert_allclose(found["relative_time"][bright], expected["time"][bright], rtol=1e-3)
    assert bright.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_absolute_times_only(tmp_path, network, dead_list, capsys, dtype):
    """The network sees them from the earliest one on; what it finds stands on the file's own clock."""
    columns = events()
    columns["relative_time"][2] = 1e10
    valid = ~is_invalid(columns["relative_time"])
    first = np.where(valid, columns["relative_time"], np.inf).min(axis=1, keepdims=True)
    columns["relative_time"] = np.where(valid, columns["relative_time"] - first, 1e10).astype(np.float32)
    start = np.random.default_rng(6).normal(-6e-7, 1e-7, (N_EVENTS, 1))
    relative = columns.pop("relative_time")
    absolute = {**columns, "time": np.where(valid, relative + start, 1e10).astype(dtype)}
    paths = [tmp_path / "relative.root", tmp_path / "absolute.root"]
    write(paths[0], {**columns, "relative_time": relative})
    write(paths[1], absolute)
    for path in paths:
        assert inpaint(network, path, "-o", path.with_suffix(".out.root"), "--dead", dead_list) == 0
    assert "minus the event's earliest enter the network" in capsys.readouterr().err
    expected, found = (read(path.with_suffix(".out.root")) for path in paths)
    np.testing.assert_allclose(found["npho"], expected["npho"], rtol=1e-4)
    flags = found["inpainted"]
    np.testing.assert_array_equal(found["time"][~flags], absolute["time"][~flags])
    times = expected["relative_time"].astype(np.float64)
    # Without any valid time nothing tells where the absolute clock is zero.
    known = ~is_invalid(times) & (np.arange(N_EVENTS) != 2)[:, None]
    np.testing.assert_array_equal(is_invalid(found["time"]), ~known)
    assert (known & flags).any()
    assert (flags & ~known & ~is_invalid(times)).any()
    np.testing.assert_allclose(found["time"][known & flags], (times + start)[known & flags], atol=3e-13)


def test_times_of_a_simulation_stay_as_they_are(tmp_path, network, dead_list, capsys):
    # Its truth is on the clock that they have.
    columns = events()
    later = (columns.pop("relative_time") + np.float32(2e-9)).astype(np.float32)
    shifted = {**columns, "time": later, "timeTruth": np.zeros(N_EVENTS, np.float32)}
    out = tmp_path / "out.root"
    assert inpaint(network, write(tmp_path / "in.root", shifted), "-o", out, "--dead", dead_list) == 0
    assert "earliest" not in capsys.readouterr().err
    found, mask = read(out), np.isin(np.arange(N_SENSORS), DEAD)
    expected = InpaintingNetwork(network).recover(
        columns["npho"], later, np.broadcast_to(mask, columns["npho"].shape)
    )
    np.testing.assert_allclose(found["time"][:, DEAD], expected["time"][:, DEAD], rtol=1e-3)


def test_without_a_list_what_is_invalid_or_in_the_branch_dead(tmp_path, network):
    columns = events()
    columns["dead"] = np.zeros((N_EVENTS, N_SENSORS), dtype=bool)
    columns["dead"][:, 44] = True
    out = tmp_path / "out.root"
    assert inpaint(network, write(tmp_path / "in.root", columns), "-o", out) == 0
    found = read(out)
    expected = columns["dead"].copy()
    expected[:, 3] = True
    expected[0, 9] = True
    np.testing.assert_array_equal(found["inpainted"], expected)
    assert (np.abs(found["npho"]) < 9e9).all()
    np.testing.assert_array_equal(found["dead"], columns["dead"])


def test_times_stay_if_only_photons_are_predicted(tmp_path, make_network, dead_list):
    columns = events()
    out = tmp_path / "out.root"
    path = make_network(predict_channels=("npho",))
    assert inpaint(path, write(tmp_path / "in.root", columns), "-o", out, "--dead", dead_list) == 0
    np.testing.assert_array_equal(read(out)["relative_time"], columns["relative_time"])


def test_lists_by_run(tmp_path, network):
    class ByRun:
        def dead(self, run=None):
            flags = np.zeros(N_SENSORS, dtype=bool)
            flags[run] = True
            return flags

    files = [write(tmp_path / f"{run}.root", events(5, run=run)) for run in (11, 12)]
    report = inpaint_files(InpaintingNetwork(network), files, tmp_path / "out.root", dead=[ByRun()])
    flags = read(tmp_path / "out.root")["inpainted"]
    assert report.n_events == len(flags) == 10
    assert flags.sum() == report.n_channels == 10
    assert flags[:5, 11].all()
    assert flags[5:, 12].all()


def test_a_second_pass_keeps_the_flags_of_the_first(tmp_path, network, dead_list):
    first, second = tmp_path / "first.root", tmp_path / "second.root"
    assert inpaint(network, write(tmp_path / "in.root", events()), "-o", first) == 0
    assert inpaint(network, first, "-o", second, "--dead", dead_list) == 0
    flags = read(second)["inpainted"]
    assert flags[:, [3, *DEAD]].all()
    assert flags.sum() == N_EVENTS * (1 + len(DEAD)) + 1


def test_other_trees_types_and_lengths_come_along(tmp_path, network, capsys):
    columns = events(6)
    path = tmp_path / "in.root"
    hits = ak.Array([[1.5] * i for i in range(6)])
    with uproot.recreate(path) as file:
        file.mktree("rec", {name: np.dtype((v.dtype, v.shape[1:])) for name, v in columns.items()}
                    | {"hits": "var * float32"}, "a title")  # fmt: skip
        file["rec"].extend({**columns, "hits": hits})
        file.mktree("runs", {"number": np.dtype(np.int64)})
        file["runs"].extend({"number": np.arange(3)})
        file["comment"] = "kept"
        file["histogram"] = np.histogram([1.0, 2.0])
    out = tmp_path / "out.root"
    assert inpaint(network, path, "-o", out, "--tree", "rec") == 0
    with uproot.open(out) as file:
        assert file["rec"].title == "a title"
        assert file["rec"]["hits"].array().tolist() == hits.tolist()
        assert file["rec"]["what_is_it"].array(library="np").shape == (6, 2, 3)
        assert file["runs"]["number"].array().tolist() == [0, 1, 2]
        assert str(file["comment"]) == "kept"
        assert "histogram" not in file
    assert "'histogram' is left out" in capsys.readouterr().err


def test_vectors_are_read(tmp_path, network):
    columns = events(4)
    path = tmp_path / "in.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"npho": "var * float64", "relative_time": "var * float32"})
        file["tree"].extend(
            {
                "npho": ak.Array(columns["npho"].astype(np.float64).tolist()),
                "relative_time": ak.Array(columns["relative_time"].tolist()),
            }
        )
    out = tmp_path / "out.root"
    assert inpaint(network, path, "-o", out) == 0
    found = read(out)
    assert found["npho"].shape == (4, N_SENSORS)
    assert found["npho"].dtype == np.float64
    assert found["inpainted"].sum() == 5


def test_events_without_any_reading_stay_as_they_are(tmp_path, network, capsys):
    columns = events(4)
    columns["npho"][1] = 1e10
    out = tmp_path / "out.root"
    assert inpaint(network, write(tmp_path / "in.root", columns), "-o", out) == 0
    found = read(out)
    assert not found["inpainted"][1].any()
    np.testing.assert_array_equal(found["npho"][1], columns["npho"][1])
    assert "1 of 4 events have no valid count" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["in.root", "missing/out.root"])
def test_outputs_that_cannot_be(tmp_path, network, output, capsys):
    source = write(tmp_path / "in.root", events(2))
    before = source.read_bytes()
    assert inpaint(network, source, "-o", tmp_path / output) == 2
    assert "cannot write" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_inputs_of_different_branches(tmp_path, network, capsys):
    columns = events(2)
    first = write(tmp_path / "a.root", columns)
    del columns["small"]
    second = write(tmp_path / "b.root", columns)
    assert inpaint(network, first, second, "-o", tmp_path / "out.root") == 2
    assert "b.root: no branch 'small'" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.root", "b.root"]


def test_networks_that_recover_nothing(tmp_path, make_checkpoint, capsys):
    source = write(tmp_path / "in.root", events(2))
    regressor = make_checkpoint(tmp_path / "regressor.pth")
    assert inpaint(regressor, source, "-o", tmp_path / "out.root") == 2
    assert "kind 'regressor'; expected kind 'inpainter'" in capsys.readouterr().err


def test_a_network_for_another_geometry(tmp_path, network, capsys):
    checkpoint = torch.load(network, weights_only=True)
    checkpoint["geometry_hash"] = "0" * 64
    other = tmp_path / "other.pth"
    torch.save(checkpoint, other)
    assert inpaint(other, write(tmp_path / "in.root", events(2)), "-o", tmp_path / "out.root") == 2
    assert "another geometry" in capsys.readouterr().err


def test_damage_is_not_copied(tmp_path, network, dead_list, capsys):
    source = write(tmp_path / "in.root", events())
    with uproot.open({source: "tree"}) as tree:
        place = int(tree["what_is_it"].member("fBasketSeek")[0]) + 200
        plain = tree["what_is_it"].compressed_bytes >= tree["what_is_it"].uncompressed_bytes
    content = bytearray(source.read_bytes())
    content[place] ^= 1
    source.write_bytes(content)
    assert plain, "random numbers do not become shorter"
    out = tmp_path / "out.root"
    assert inpaint(network, source, "-o", out, "--dead", dead_list) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"xec: error: {source}")
    assert "damaged" in said
    assert len(said.splitlines()) == 1
    assert not out.exists()


def test_a_file_that_is_replaced_meanwhile(tmp_path, network):
    source, other = write(tmp_path / "in.root", events()), write(tmp_path / "other.root", events(seed=1))

    def replace(_done, _total):
        if other.exists():
            other.replace(source)

    with pytest.raises(DataError, match=r"in\.root was changed while it was in use"):
        inpaint_files(InpaintingNetwork(network), [source], tmp_path / "out.root", progress=replace)
    assert not (tmp_path / "out.root").exists()


def test_a_file_that_is_written_to_meanwhile(tmp_path, network):
    source = write(tmp_path / "in.root", events())

    def overwrite(_done, _total):
        content = bytearray(source.read_bytes())
        content[-1] ^= 1
        source.write_bytes(content)

    with pytest.raises(DataError, match=r"in\.root was changed while it was in use"):
        inpaint_files(InpaintingNetwork(network), [source], tmp_path / "out.root", progress=overwrite)
    assert not (tmp_path / "out.root").exists()


def test_a_file_that_is_cut(tmp_path, network, capsys):
    source = write(tmp_path / "in.root", events())
    whole = source.read_bytes()
    for length in (0, 19, len(whole) // 2, len(whole) - 1):
        source.write_bytes(whole[:length])
        assert inpaint(network, source, "-o", tmp_path / "out.root") == 2
        said = capsys.readouterr().err
        assert f"{source} is {'truncated' if length else 'empty'}" in said
        assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.root"]


@pytest.mark.parametrize("branch", ["npho", "relative_npho"])
def test_photons_in_other_units(tmp_path, make_network, dead_list, capsys, branch):
    columns = events()
    usual = measure_range([event_quantities(columns["npho"], columns["relative_time"])], absolute_times=False)
    network, out = make_network(usual), tmp_path / "out.root"
    scaled = {branch if name == "npho" else name: values for name, values in columns.items()}
    scaled[branch] = np.where(is_invalid(columns["npho"]), 1e10, columns["npho"] / 1000).astype(np.float32)
    source = write(tmp_path / "in.root", scaled)
    options = (source, "-o", out, "--dead", dead_list, "--npho-branch", branch)
    assert inpaint(network, *options) == 2
    said = capsys.readouterr().err
    assert "100 % of the events are unlike those of the training in their light" in said
    assert "--accept-range" in said
    assert not out.exists()
    assert inpaint(network, *options, "--accept-range") == 0
    assert "unlike those of the training" in capsys.readouterr().err
    assert set(read(out)) == {*scaled, "inpainted"}
    whole = write(tmp_path / "whole.root", columns)
    assert inpaint(network, whole, "-o", tmp_path / "usual.root", "--dead", dead_list) == 0
    assert "unlike" not in capsys.readouterr().err


def test_spoilt_events_have_no_influence_on_the_others(network):
    model = InpaintingNetwork(network, batch_size=18)
    columns = events(18)
    npho, time = columns["npho"], columns["relative_time"]
    mask = np.zeros((18, N_SENSORS), dtype=bool)
    mask[:, DEAD] = True
    before = model.recover(npho, time, mask)
    for i, value in enumerate((np.nan, np.inf, -np.inf, 1e30, -1e30, 1e10, 8.9e9, -500.0, 0.0)):
        npho[2 * i] = time[2 * i] = value
    after = model.recover(npho, time, mask)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name][1::2], values[1::2])
