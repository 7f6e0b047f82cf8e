"""Support for the packages: cores of a process, pieces of messages."""

import os
from pathlib import Path

import pytest

from xec_geometry.support import processors
from xec_geometry.support.processors import allowed_cores, available_cores, core_quota, default_threads
from xec_geometry.support.text import first_line


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2}, raising=False)
    monkeypatch.setattr(processors, "core_quota", lambda: None)
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    assert allowed_cores() == (2, 5)
    assert available_cores() == 2


def test_cores_of_a_system_that_knows_no_affinity(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(processors, "core_quota", lambda: None)
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    assert allowed_cores() is None
    assert available_cores() == 3


@pytest.mark.parametrize(
    ("quota", "job", "expected"), [(None, "", 8), (2.5, "", 3), (0.2, "6", 1), (None, "6", 6)]
)
def test_cores_of_a_container_and_of_a_job(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, job: str, expected: int
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(processors, "core_quota", lambda: quota)
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", job)
    assert available_cores() == expected


@pytest.mark.parametrize(("stated", "threads"), [("3", 3), ("", 2), ("2,4", 2), ("0", 2)])
def test_threads_follow_the_usual_variable(monkeypatch: pytest.MonkeyPatch, stated: str, threads: int):
    monkeypatch.setattr(processors, "available_cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    assert default_threads() == threads


def test_quota_of_version_2_and_of_groups_above(tmp_path: Path):
    own = tmp_path / "own"
    own.write_text("0::/slurm/job_7\n")
    inner = tmp_path / "slurm/job_7"
    inner.mkdir(parents=True)
    assert core_quota(own, tmp_path) is None
    (inner / "cpu.max").write_text("max 100000\n")
    assert core_quota(own, tmp_path) is None
    (tmp_path / "slurm/cpu.max").write_text("150000 100000\n")
    assert core_quota(own, tmp_path) == 1.5


def test_quota_of_version_1(tmp_path: Path):
    own = tmp_path / "own"
    own.write_text("5:cpu,cpuacct:/docker/ab\n0::/docker/ab\n")
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert core_quota(own, tmp_path) is None
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("400000\n")
    assert core_quota(own, tmp_path) == 4


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("\n wrong\nadvice"), "wrong"), (KeyError(), "KeyError"), (OSError("  "), "OSError")],
)
def test_first_line_of_an_error(error: Exception, line: str):
    assert first_line(error) == line
