"""Memory that control groups allow, in the layouts that machines, containers and batch systems have."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_data.reading.container_memory import container_memory

MB = 1024**2
NO_LIMIT = 9223372036854771712


def group(folder: Path, version: int, limit: int | str, used: int, **cached: int) -> None:
    names = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip(names[version], (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")
    rows = {"anon": used - sum(cached.values()), "unevictable": 0, **cached}
    (folder / "memory.stat").write_text("".join(f"{name} {value}\n" for name, value in rows.items()))


def listed(folder: Path, *lines: str) -> Path:
    path = folder / "own"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_container_sees_its_own_group_at_the_top(tmp_path: Path) -> None:
    group(tmp_path, 2, 300 * MB, 100 * MB)
    assert container_memory(listed(tmp_path, "0::/"), tmp_path) == 200 * MB
    group(tmp_path, 2, "max", 100 * MB)
    assert container_memory(listed(tmp_path, "0::/"), tmp_path) is None


def test_a_container_that_sees_its_path_on_the_machine(tmp_path: Path) -> None:
    group(tmp_path / "memory", 1, 300 * MB, 100 * MB)
    own = listed(tmp_path, "5:cpu,cpuacct:/docker/ab", "4:memory:/docker/ab", "0::/docker/ab")
    assert container_memory(own, tmp_path) == 200 * MB


@pytest.mark.parametrize("version", [1, 2])
def test_a_job_is_limited_by_its_group_and_by_those_above(tmp_path: Path, version: int) -> None:
    top = tmp_path / "memory" if version == 1 else tmp_path
    own = listed(tmp_path, "4:memory:/slurm/job_7/step_0" if version == 1 else "0::/slurm/job_7/step_0")
    group(top, version, NO_LIMIT if version == 1 else "max", 900 * MB)
    group(top / "slurm/job_7", version, 400 * MB, 150 * MB)
    group(top / "slurm/job_7/step_0", version, NO_LIMIT if version == 1 else "max", 50 * MB)
    assert container_memory(own, tmp_path) == 250 * MB


@pytest.mark.parametrize("version", [1, 2])
def test_pages_of_files_are_given_back(tmp_path: Path, version: int) -> None:
    prefix = "total_" if version == 1 else ""
    cached = {f"{prefix}active_file": 40 * MB, f"{prefix}inactive_file": 230 * MB}
    group(tmp_path / "memory" if version == 1 else tmp_path, version, 300 * MB, 299 * MB, **cached)
    own = listed(tmp_path, "4:memory:/" if version == 1 else "0::/")
    assert container_memory(own, tmp_path) == 271 * MB


def test_no_groups(tmp_path: Path) -> None:
    assert container_memory(tmp_path / "none", tmp_path) is None
    assert container_memory(listed(tmp_path, "4:memory:/a"), tmp_path) is None
