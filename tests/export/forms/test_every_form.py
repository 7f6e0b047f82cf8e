"""Everything that can be exported gives what torch gives, for any number of events, none included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.export.examples import EXAMPLES

from xec_export.forms.inputs import GRAPH_INPUTS
from xec_export.forms.table import EXPORT_FORMS
from xec_export.onnx.export import ExportReport
from xec_export.onnx.parity_events import DAMAGES
from xec_export.prediction.graph import OnnxGraph
from xec_geometry import N_SENSORS


def test_every_form_has_an_example() -> None:
    assert set(EXAMPLES) == set(EXPORT_FORMS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "example"), [(form, example) for form, examples in EXAMPLES.items() for example in examples]
)
def test_the_graph_agrees_with_torch(
    export_example: Callable[[str, str], ExportReport], form: str, example: str
) -> None:
    report = export_example(form, example)
    description = report.description
    assert description.kind == form
    # Batches of 0, 1, 3 and 64, bad readings of every kind, and all flags set and none.
    extremes = sum(len(GRAPH_INPUTS[name].extremes) for name in description.inputs)
    assert report.parity.n_events == 1 + 3 + 64 + 3 * (len(DAMAGES) + extremes)
    assert 0 < report.parity.worst.relative < 1e-4

    nothing = np.empty((0, N_SENSORS), np.float32)
    found = OnnxGraph(report.onnx)(*(nothing for _ in description.inputs))
    assert {name: values.shape for name, values in found.items()} == {
        output.name: (0, *output.axes) for output in description.outputs
    }
