"""Metadata of an exported file, written and read back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from xec_export import ExportError, ModelDescription, OutputDescription

DESCRIPTION = ModelDescription(
    kind="regressor",
    name="run_7",
    outputs=(
        OutputDescription("angle", "angle", ("theta", "phi"), "deg", (11.5, 29.0), "emission angles"),
        OutputDescription("energy", "energy", ("energy",), "GeV", (0.0125,), "energy – in GeV"),
        OutputDescription("energy_sigma", "energy", ("sigma_energy",), "GeV", (0.0125,), "its width"),
    ),
    npho_branch="npho",
    time_branch="relative_time",
    n_sensors=17,
    layout="physical",
    geometry_hash="0123abcd",
    normalization={"npho_scheme": "log1p", "npho_scale": 1000.0, "time_shift": -0.46},
    versions={"torch": "2.13.0"},
    epoch=None,
    git_revision="d0acc59a",
)

OUTPUTS = json.loads(DESCRIPTION.to_metadata()["outputs"])


def test_metadata_round_trip() -> None:
    metadata = DESCRIPTION.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert ModelDescription.from_metadata(metadata, Path("model.onnx")) == DESCRIPTION


def test_files_of_earlier_releases_average_nothing() -> None:
    metadata = DESCRIPTION.to_metadata()
    assert metadata.pop("mirror_average") == "false"
    assert ModelDescription.from_metadata(metadata, Path("model.onnx")) == DESCRIPTION


def test_tasks_are_named_once_and_in_order() -> None:
    assert DESCRIPTION.tasks == ("angle", "energy")
    assert DESCRIPTION.output_names == ("angle", "energy", "energy_sigma")


def test_strings_are_readable_without_a_json_parser() -> None:
    # A C++ program compares these with what it expects.
    metadata = DESCRIPTION.to_metadata()
    assert metadata["npho_branch"] == "npho"
    assert metadata["geometry_hash"] == "0123abcd"
    assert metadata["angle_unit"] == "deg"
    assert metadata["tasks"] == '["angle", "energy"]'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xec_format_version": None}, "without the metadata of xec"),
        ({"xec_format_version": "99"}, "format 99"),
        ({"outputs": None}, "lack the key 'outputs'"),
        ({"normalization": "{broken"}, "'normalization' is not JSON"),
        ({"normalization": "[" * 100_000}, "'normalization' is not JSON: '\\[{40}…'"),
        ({"epoch": "9" * 5000}, "'epoch' is not JSON: '9{40}…'"),
        ({"outputs": "[]"}, r"outputs are named \[\]; expected different names"),
        ({"outputs": json.dumps(OUTPUTS[:1] * 2)}, r"outputs are named \['angle', 'angle'\]"),
        (
            {"outputs": json.dumps([{**OUTPUTS[0], "scale": [1.0]}])},
            "2 columns of the output 'angle', 1 scales and 0 units",
        ),
        (
            {"outputs": json.dumps([{**OUTPUTS[0], "column_units": ["deg"]}])},
            "2 columns of the output 'angle', 2 scales and 1 units",
        ),
    ],
)
def test_foreign_metadata_are_refused(change: dict[str, str | None], message: str) -> None:
    metadata = {**DESCRIPTION.to_metadata(), **change}
    with pytest.raises(ExportError, match=message) as caught:
        ModelDescription.from_metadata(
            {key: value for key, value in metadata.items() if value is not None}, Path("other.onnx")
        )
    assert "other.onnx" in str(caught.value)


def test_a_description_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DESCRIPTION.name = "other"  # type: ignore[misc]


def test_columns_may_have_units_of_their_own():
    point = OutputDescription("point", "point", ("r", "t"), "cm, s", (1.0, 1e-9), "r, t", ("cm", "s"))
    number = OutputDescription("k", "k", ("n_0", "n_1"), "1", (1.0, 1.0), "a class", class_name="n")
    described = dataclasses.replace(DESCRIPTION, outputs=(*DESCRIPTION.outputs, point, number))
    assert ModelDescription.from_metadata(described.to_metadata(), Path("model.onnx")) == described
    energy = DESCRIPTION.outputs[1]
    assert [point.unit_of(0), point.unit_of(1)] == ["cm", "s"]
    assert energy.unit_of(0) == "GeV"
