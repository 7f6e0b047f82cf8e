"""Property tests that take little time, and try the same examples each time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

few_examples = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    # A machine that is busy is slow, and fails no test.
    suppress_health_check=[HealthCheck.too_slow],
)
