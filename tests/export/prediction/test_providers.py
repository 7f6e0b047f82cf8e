"""Whatever runs a network is named by the user, and refused in a line where it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xec_export import ExportError, open_predictor
from xec_export.prediction import runtime
from xec_export.prediction.providers import PROVIDERS


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_the_processor_is_there_everywhere(exported: Any, form: str) -> None:
    assert open_predictor(getattr(exported, form), provider="cpu").device == "cpu"


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_without_a_gpu_the_others_are_listed(
    exported: Any, monkeypatch: pytest.MonkeyPatch, form: str, name: str
) -> None:
    monkeypatch.setattr(runtime, "cuda_device_count", lambda: 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ExportError, match=f"--provider {name}: .*those there are here: auto, cpu$"):
        open_predictor(getattr(exported, form), provider=name)


def test_a_gpu_that_cannot_be_used_is_no_reason_to_go_on_without(
    exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a machine with a driver but without the libraries of CUDA.
    monkeypatch.setattr(runtime, "cuda_device_count", lambda: 1)
    monkeypatch.setattr(runtime, "_open_on_gpu", lambda *_: None)
    monkeypatch.setattr(runtime, "available_providers", lambda: ["cuda", "cpu"])
    with pytest.raises(ExportError, match="--provider cuda: ONNX Runtime cannot load it here"):
        open_predictor(exported.onnx, provider="cuda")
    assert open_predictor(exported.onnx).device == "cpu"


def test_a_file_that_is_no_network_is_told_whatever_was_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "available_providers", lambda: ["cuda", "cpu"])
    (tmp_path / "model.onnx").write_bytes(b"hello\n" * 100)
    with pytest.raises(ExportError, match=r"model\.onnx: not an ONNX file"):
        runtime.open_session(tmp_path / "model.onnx", provider="cuda")


@pytest.mark.parametrize("form", ["onnx", "checkpoint"])
def test_an_unknown_name_offers_the_nearest(exported: Any, form: str) -> None:
    with pytest.raises(ExportError, match=r"unknown provider 'cudda' \(did you mean 'cuda'\?\)"):
        open_predictor(getattr(exported, form), provider="cudda")


def test_the_table_has_what_the_help_says() -> None:
    from typing import get_args

    from xec_export.commands.options import Provider

    option = get_args(Provider)[1]
    assert set(option.metavar.split("|")) == {"auto", *PROVIDERS}
