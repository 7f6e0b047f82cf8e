"""What `xec doctor` finds, and what it says is wrong."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import xec_train
from xec_geometry.cli.command_table import PACKAGES
from xec_train.commands.doctor import doctor
from xec_train.doctor import machine, software, tracking
from xec_train.doctor.finding import Check, Finding
from xec_train.doctor.report import CHECKS, as_json, as_table, examine, problems


def by_name(find: Callable[[], Any]) -> dict[str, Finding]:
    return {finding.name: finding for finding in find()}


def test_it_tells_what_a_report_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    rows = json.loads(as_json(examine()))
    assert list(dict.fromkeys(row["section"] for row in rows)) == [check.section for check in CHECKS]
    found = {row["name"]: row for row in rows}
    assert set(PACKAGES) <= set(found)
    assert found["xec-train"]["value"]
    assert found["torch"]["value"] == torch.__version__
    assert found["cores allowed"]["value"].startswith(f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}")
    assert found["working folder"]["value"].startswith(f"{tmp_path}, ")
    assert found["tracking store"]["value"].startswith(f"sqlite:///{tmp_path}/mlflow.db")
    assert all(set(row) == {"section", "name", "value", "problem"} for row in rows)


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    app = typer.Typer()
    app.command()(doctor)
    healthy = [("memory", Finding("memory", "8 of 16 GB free"))]
    ill = [*healthy, ("files", Finding("open files", "64", "many event files need more"))]
    monkeypatch.setattr("xec_train.doctor.report.examine", lambda: healthy)
    done = CliRunner().invoke(app, [])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "nothing is wrong")
    monkeypatch.setattr("xec_train.doctor.report.examine", lambda: ill)
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 2
    assert done.stdout.splitlines()[-2:] == ["! open files: many event files need more", "1 problem"]
    done = CliRunner().invoke(app, ["--json"])
    assert done.exit_code == 2
    assert [row["problem"] for row in json.loads(done.stdout)] == [None, "many event files need more"]


def test_a_check_that_fails_is_a_finding() -> None:
    def find() -> list[Finding]:
        raise RuntimeError("no such thing\nand more")

    assert Check("x", find).run() == [Finding("x", "unknown", "RuntimeError: no such thing")]
    assert problems([("x", Finding("a", "b")), ("x", Finding("c", "d", "e"))]) == ["c: e"]
    table = as_table([("x", Finding("a", "b")), ("x", Finding("long", "c", "d")), ("y", Finding("e", ""))])
    assert table.splitlines() == ["x   a     b", "  ! long  c", "y   e"]


@pytest.mark.parametrize(
    ("cuda", "driver", "problem"),
    [(None, False, ""), (None, True, "one without CUDA"), ("12.6", True, "torch finds none: ask the job")],
)
def test_a_gpu_that_torch_does_not_see(
    cuda: str | None, driver: bool, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "driver"
    if driver:
        path.touch()
    monkeypatch.setattr(software, "_DRIVER", path)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = by_name(software.devices)["GPUs"].problem
    assert problem in found
    assert bool(problem) == bool(found)


def test_gpus_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    about = SimpleNamespace(name="NVIDIA A100", major=8, minor=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (39_000_000_000, 40_000_000_000))
    found = by_name(software.devices)["GPU 0"]
    assert found == Finding("GPU 0", "NVIDIA A100, compute capability 8.0, 39 of 40 GB free")


def test_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    found = by_name(machine.processors)["threads of torch"]
    assert found.problem == "more threads than cores: OMP_NUM_THREADS=2"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not by_name(machine.processors)["threads of torch"].problem


def test_little_memory_and_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "container_memory", lambda: 5e8)
    usage = shutil.disk_usage("/")._replace(total=64_000_000, used=0, free=64_000_000)
    monkeypatch.setattr("xec_train.doctor.machine.shutil.disk_usage", lambda _: usage)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    found = {**by_name(machine.memory), **by_name(machine.files)}
    assert found["memory"].problem == "less than 1 GB is free: ask the job for more (--mem)"
    assert "--shm-size" in found["/dev/shm"].problem
    assert found["open files"] == Finding(
        "open files", "256 (at most no limit)", "many event files need more: ulimit -n 1024"
    )
    assert found["working folder"].problem == "less than 1 GB is free"


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert by_name(machine.files)["home"].problem == "there is no such folder"


def test_the_tracking_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def problem() -> str:
        (finding,) = tracking.store()
        return finding.problem

    assert not problem()
    with sqlite3.connect("mlflow.db") as connection:
        connection.execute("create table runs (id)")
    connection.close()
    assert not problem()
    Path("mlflow.db").write_bytes(b"not a database at all, but rather long" * 50)
    assert "file is not a database" in problem()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:1")
    (finding,) = tracking.store()
    assert finding.value == "http://127.0.0.1:1 ($MLFLOW_TRACKING_URI)"
    assert finding.problem.startswith("it does not answer: Connection refused")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://x")
    assert "unknown scheme" in problem()


def test_profiles_with_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert by_name(software.slurm)["profiles"] == Finding("profiles", f"no {tmp_path}/xec/cluster.yaml")
    (tmp_path / "xec").mkdir()
    path = tmp_path / "xec" / "cluster.yaml"
    path.write_text("profiles: {a: {}, b: {}}")
    assert by_name(software.slurm)["profiles"].value == f"a, b ({path})"
    path.write_text("profile: {a: {}}")
    assert "profile: unknown key (did you mean 'profiles'?)" in by_name(software.slurm)["profiles"].problem


def test_the_version_is_that_of_the_package() -> None:
    assert (
        by_name(software.packages)["xec-train"].value
        in (Path(xec_train.__file__).parent / "__about__.py").read_text()
    )
