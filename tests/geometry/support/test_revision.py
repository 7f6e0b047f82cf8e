"""The commit of the code that runs, and of no other repository around it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from xec_geometry.support.revision import describe_revision, git_revision


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x", *words], check=True
        )

    git("init", "-q")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-q", "-m", "one")
    return tmp_path


def test_the_commit_of_a_checkout(repository: Path) -> None:
    file = str(repository / "code.py")
    revision = git_revision(file)
    assert revision is not None
    assert len(revision) == 40
    assert revision.startswith(describe_revision(file))


def test_a_change_since_is_told(repository: Path) -> None:
    (repository / "code.py").write_text("2")
    assert describe_revision(str(repository / "code.py")).endswith("-dirty")


def test_a_file_that_is_not_tracked_has_none(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = repository / "venv" / "code.py"
    installed.parent.mkdir()
    installed.write_text("1")
    assert git_revision(str(installed)) is None
    assert describe_revision(str(tmp_path_factory.mktemp("elsewhere") / "code.py")) == "unknown"
