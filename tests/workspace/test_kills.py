"""A training that is killed ends as one that nobody disturbed; `hatch run kills` does it more often."""

from __future__ import annotations

from pathlib import Path

from tools.faults.kills import storm


def test_a_training_survives_being_killed(tmp_path: Path) -> None:
    result = storm(tmp_path, 2, epochs=3)
    assert result.kills >= 1
    assert result.differences == ()
