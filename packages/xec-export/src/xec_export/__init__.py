"""The xec networks outside of Python: ONNX export with a parity check, and inference on ROOT files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_export.__about__ import __version__

if TYPE_CHECKING:
    from xec_export.description import ModelDescription, OutputDescription
    from xec_export.errors import ExportError
    from xec_export.exporting import ExportReport, export_checkpoint
    from xec_export.inpainting import InpaintingReport, inpaint_files
    from xec_export.inpainting_network import InpaintingNetwork
    from xec_export.parity import Difference, ParityError, ParityReport
    from xec_export.predicting import PredictionReport, predict_files
    from xec_export.predictor import OnnxPredictor, Predictor, TorchPredictor, open_predictor

__all__ = [
    "Difference",
    "ExportError",
    "ExportReport",
    "InpaintingNetwork",
    "InpaintingReport",
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
    "inpaint_files",
    "open_predictor",
    "predict_files",
]

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "description": ["ModelDescription", "OutputDescription"],
        "errors": ["ExportError"],
        "exporting": ["ExportReport", "export_checkpoint"],
        "inpainting": ["InpaintingReport", "inpaint_files"],
        "inpainting_network": ["InpaintingNetwork"],
        "parity": ["Difference", "ParityError", "ParityReport"],
        "predicting": ["PredictionReport", "predict_files"],
        "predictor": ["OnnxPredictor", "Predictor", "TorchPredictor", "open_predictor"],
    },
)
