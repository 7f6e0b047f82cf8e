"""A disk that is full is told in one line that names the file, and leaves nothing behind that is half."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.once import once
from tests.small_disk import in_namespace
from tests.workspace.small_disks import EARLIER, WITHOUT_NETWORK, WRITERS, Outcome

from xec_geometry.cli.exit_codes import USER_ERROR

ROOT = Path(__file__).parents[2]
WITH_NETWORK = tuple(name for name in WRITERS if name not in WITHOUT_NETWORK)


def outcomes(factory: pytest.TempPathFactory, kind: str, names: tuple[str, ...]) -> dict[str, Outcome]:
    """What the commands did, all in one process: most of their time is that of imports."""

    def fill(folder: Path) -> None:
        path = os.pathsep.join([str(ROOT), *sys.path])
        command = [sys.executable, "-W", "ignore", "-m", "tests.workspace.small_disks"]
        done = subprocess.run(
            in_namespace([*command, str(folder / "disk"), *names]),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    folder = once(factory, f"small disks {kind}", fill)
    content = json.loads((folder / "outcomes.json").read_text(encoding="utf-8"))
    return {name: Outcome(**found) for name, found in content.items()}


@pytest.fixture(scope="module")
def without_network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return outcomes(tmp_path_factory, "without network", WITHOUT_NETWORK)


@pytest.fixture(scope="module")
def with_network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return outcomes(tmp_path_factory, "with network", WITH_NETWORK)


def check(name: str, outcome: Outcome) -> None:
    writer = WRITERS[name]
    told = [line for line in outcome.errors.splitlines() if line.startswith("xec: error: ")]
    assert outcome.code == USER_ERROR, outcome.errors
    assert len(told) == 1, outcome.errors
    assert "Traceback" not in outcome.errors
    assert f"disk/{writer.told}" in told[0]
    assert re.search("no space left on device", told[0], re.IGNORECASE)
    # Neither a temporary file nor half a file.
    assert set(outcome.files) - set(writer.may_stay) == set(writer.replaces)
    assert all(outcome.files[earlier] == EARLIER for earlier in writer.replaces)


@pytest.mark.parametrize("name", WITHOUT_NETWORK)
def test_a_full_disk_leaves_what_was_there(name: str, without_network: dict[str, Outcome]) -> None:
    check(name, without_network[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_NETWORK)
def test_a_full_disk_under_a_network(name: str, with_network: dict[str, Outcome]) -> None:
    check(name, with_network[name])
