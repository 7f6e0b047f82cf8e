"""Groups in pinned memory: the same, in their order, one ahead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from xec_train.data.batch import Batch
from xec_train.data.pinning import pinned


@pytest.fixture(autouse=True)
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    # Memory is pinned for a GPU only; without one there is nothing to pin it for.
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)


def groups(number: int, log: list[int]) -> Iterator[Batch]:
    for i in range(number):
        log.append(i)
        yield {"npho": torch.full((2,), float(i))}


@pytest.mark.parametrize("number", [0, 1, 4])
def test_all_in_their_order(number: int) -> None:
    assert [float(group["npho"][0]) for group in pinned(groups(number, []))] == list(range(number))


def test_at_most_one_ahead() -> None:
    log: list[int] = []
    coming = pinned(groups(9, log))
    next(coming)
    coming.close()
    assert len(log) == 2


def test_an_error_arrives() -> None:
    def broken() -> Iterator[Batch]:
        yield {}
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk"):
        list(pinned(broken()))
