"""The xec networks outside of Python: ONNX export with a parity check, and inference on ROOT files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xec_export.__about__ import __version__

if TYPE_CHECKING:
    from xec_export.description import ModelDescription, OutputDescription
    from xec_export.errors import ExportError
    from xec_export.exporting import ExportReport, export_checkpoint
    from xec_export.parity import Difference, ParityError, ParityReport
    from xec_export.predicting import PredictionReport, predict_files
    from xec_export.predictor import OnnxPredictor, Predictor, TorchPredictor, open_predictor

__all__ = [
    "Difference",
    "ExportError",
    "ExportReport",
    "ModelDescription",
    "OnnxPredictor",
    "OutputDescription",
    "ParityError",
    "ParityReport",
    "PredictionReport",
    "Predictor",
    "TorchPredictor",
    "__version__",
    "export_checkpoint",
    "open_predictor",
    "predict_files",
]

# Where each name lives: importing the package must not import torch, onnxruntime or uproot.
_MODULES = {
    "Difference": "parity",
    "ExportError": "errors",
    "ExportReport": "exporting",
    "ModelDescription": "description",
    "OnnxPredictor": "predictor",
    "OutputDescription": "description",
    "ParityError": "parity",
    "ParityReport": "parity",
    "PredictionReport": "predicting",
    "Predictor": "predictor",
    "TorchPredictor": "predictor",
    "export_checkpoint": "exporting",
    "open_predictor": "predictor",
    "predict_files": "predicting",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
