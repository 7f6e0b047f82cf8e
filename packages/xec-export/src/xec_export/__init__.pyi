from .__about__ import __version__ as __version__
from .errors import ExportError as ExportError
from .inpainting.files import InpaintingReport as InpaintingReport, inpaint_files as inpaint_files
from .inpainting.network import InpaintingNetwork as InpaintingNetwork
from .onnx.description import ModelDescription as ModelDescription, OutputDescription as OutputDescription
from .onnx.export import ExportReport as ExportReport, export_checkpoint as export_checkpoint
from .onnx.parity import Difference as Difference, ParityError as ParityError, ParityReport as ParityReport
from .prediction.files import PredictionReport as PredictionReport, predict_files as predict_files
from .prediction.folder import FolderReport as FolderReport, predict_folder as predict_folder
from .prediction.mirrored import MirroredPredictor as MirroredPredictor
from .prediction.options import PredictionOptions as PredictionOptions
from .prediction.predictor import (
    OnnxPredictor as OnnxPredictor,
    Predictor as Predictor,
    TorchPredictor as TorchPredictor,
    open_predictor as open_predictor,
)
from .recovery.treatment import DeadChannelTreatment as DeadChannelTreatment
