"""Which processes and devices a training accepts."""

from __future__ import annotations

import pytest

from xec_train.device import PROCESS_COUNTS, refuse_several_processes
from xec_train.errors import TrainError


@pytest.mark.parametrize("variable", PROCESS_COUNTS)
def test_several_processes_are_refused(variable: str) -> None:
    with pytest.raises(TrainError, match=f"{variable} is 2: .* expected one"):
        refuse_several_processes({variable: "2"})


def test_one_process_is_fine() -> None:
    refuse_several_processes({})
    refuse_several_processes(dict.fromkeys(PROCESS_COUNTS, "1"))
