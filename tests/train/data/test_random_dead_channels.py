"""Random parts of real lists of dead channels, from torch's own random numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from xec_data.errors import DataError
from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.data.batch import Batch
from xec_train.data.dead_channels import RandomDeadChannels, read_lists, write_lists
from xec_train.errors import ConfigError


def ones(n: int) -> Batch:
    return {name: torch.ones(n, N_SENSORS) for name in ("npho", "time")}


def lists_of(*sensors: range) -> np.ndarray:
    lists = np.zeros((len(sensors), N_SENSORS), dtype=bool)
    for row, those in zip(lists, sensors, strict=True):
        row[those] = True
    return lists


def test_a_random_part_of_one_list_is_invalid() -> None:
    torch.manual_seed(0)
    first, second = range(1000), range(2000, 2500)
    batch = RandomDeadChannels(lists_of(first, second))(ones(400))
    dead = (batch["npho"] == INVALID).numpy()
    assert np.array_equal(dead, (batch["time"] == INVALID).numpy())
    parts = np.stack([dead[:, first].mean(axis=1), dead[:, second].mean(axis=1)], axis=1)
    assert not (parts > 0).all(axis=1).any()
    assert not np.delete(dead, [*first, *second], axis=1).any()
    # Fractions are uniform: mean 1/2, standard deviation 1/√12 for about 200 events of each list.
    for part in parts.T:
        drawn = part[part > 0]
        assert 160 < len(drawn) < 240
        assert drawn.mean() == pytest.approx(0.5, abs=0.09)
        assert drawn.std() == pytest.approx(12**-0.5, abs=0.04)


def test_the_seed_decides_and_nothing_else() -> None:
    def drawn() -> torch.Tensor:
        torch.manual_seed(3)
        return RandomDeadChannels(lists_of(range(300), range(200, 900)))(ones(8))["npho"]

    assert torch.equal(drawn(), drawn())


def test_without_lists_nothing_is_drawn() -> None:
    state = torch.get_rng_state()
    assert float(RandomDeadChannels()(ones(2))["npho"].min()) == 1.0
    assert torch.equal(state, torch.get_rng_state())


def test_a_run_keeps_its_lists(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("3 5\n")
    (tmp_path / "b.txt").write_text("4759\n")
    sources = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    lists = read_lists(sources)
    assert [np.flatnonzero(row).tolist() for row in lists] == [[3, 5], [4759]]
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    write_lists(run, sources, lists)
    (tmp_path / "a.txt").write_text("99\n")
    (tmp_path / "b.txt").unlink()
    assert np.array_equal(read_lists(sources, run), lists)
    # Another source is another list.
    assert np.flatnonzero(read_lists([str(tmp_path / "a.txt"), sources[0]], run)[1]).tolist() == [99]
    with pytest.raises(DataError, match="no such file"):
        read_lists(sources)


def test_sources_in_the_configuration(configure: Callable[..., TrainConfig]) -> None:
    assert configure().data.dead_channels is None
    assert configure("data.dead_channels=dead.yaml#run=7").data.dead_channels == ["dead.yaml#run=7"]
    several = configure("data.dead_channels=[a.txt, mysql://reader@host/db#run=7]").data.dead_channels
    assert several == ["a.txt", "mysql://reader@host/db#run=7"]
    with pytest.raises(ConfigError, match=r"data.dead_channels: found a URL with a password") as error:
        configure("data.dead_channels=[a.txt, mysql://reader:secret@host/db]")
    assert "secret" not in str(error.value)
    with pytest.raises(ConfigError, match=r"data.dead_channels: found a URL with a password"):
        configure("data.dead_channels=mysql://host/db?user=reader&password=secret#run=7")
