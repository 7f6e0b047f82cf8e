"""Settings that hold for all tests."""

from __future__ import annotations

import os

import pytest

# Tests use tiny networks, for which several threads cost more than they give. Set before torch is imported,
# and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# The same code on every machine, with a compiler or without; the operators in C++ have tests of their own.
os.environ.setdefault("XEC_OPERATORS", "off")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin the share of each worker with slow tests: quick ones fill the time that is left at the end.

    Shares are those of ``--dist=worksteal``; a module stays in one piece.
    """
    workers: int = getattr(config, "workerinput", {}).get("workercount", 0)
    if not workers:
        return
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for number, module in enumerate(modules.values()):
        shares[number % workers].extend(module)
    quick = [item for item in items if not item.get_closest_marker("slow")]
    dealt, n_items = 0, len(items)
    for number, share in enumerate(shares):
        n_share = (n_items - dealt) // (workers - number)
        dealt += n_share
        n_quick = max(0, n_share - len(share))
        share += quick[:n_quick]
        del quick[:n_quick]
    items[:] = [item for share in shares for item in share] + quick
