"""Memory that is lent, and comes back with the last tensor."""

from __future__ import annotations

import torch

from xec_train.data.shared_slots import SharedSlots

BRANCHES = ("npho", "uvwTruth", "event")


def filled(slots: SharedSlots, slot: int, n: int, value: float) -> dict[str, torch.Tensor]:
    for tensor in slots.tensors(slot, n).values():
        tensor.fill_(value)
    return slots.lend(slot, n)


def test_branches_do_not_overlap_and_nothing_is_copied() -> None:
    slots = SharedSlots(BRANCHES, 5, 1, 1)
    taken = slots.take(0)
    assert taken is not None
    written = slots.tensors(taken, 3)
    lent = slots.lend(taken, 3)
    for value, name in enumerate(BRANCHES):
        written[name].fill_(value)
    for value, name in enumerate(BRANCHES):
        assert lent[name].shape == written[name].shape
        assert lent[name].dtype == written[name].dtype
        assert lent[name].data_ptr() % 64 == 0
        assert (lent[name] == value).all()


def test_a_slot_is_free_once_no_tensor_of_it_is_alive() -> None:
    slots = SharedSlots(BRANCHES, 4, 1, 1)
    taken = slots.take(0)
    assert taken == 0
    assert slots.take(0) is None
    events = filled(slots, taken, 4, 1.0)
    batch = events["npho"][1:3]
    del events
    assert slots.take(0) is None
    assert (batch == 1).all()
    del batch
    assert slots.take(0) == taken


def test_every_process_has_slots_of_its_own() -> None:
    slots = SharedSlots(BRANCHES, 1, 3, 2)
    taken = [{slots.take(process), slots.take(process)} for process in range(3)]
    assert set.union(*taken) == set(range(6))
    assert [slots.take(process) for process in range(3)] == [None] * 3
    del filled(slots, max(taken[1]), 1, 0.0)["npho"]
    assert [slots.take(process) for process in range(3)] == [None, max(taken[1]), None]
