from .__about__ import __version__ as __version__
from .checkpoint.building import (
    build_model as build_model,
    load_model as load_model,
    load_parameters as load_parameters,
)
from .checkpoint.content import Checkpoint as Checkpoint, NetworkWeights as NetworkWeights
from .checkpoint.kinds import MODEL_KINDS as MODEL_KINDS
from .checkpoint.reading import read_checkpoint as read_checkpoint
from .checkpoint.run_directory import RunDirectory as RunDirectory
from .checkpoint.writing import new_checkpoint as new_checkpoint, save_checkpoint as save_checkpoint
from .config.network import (
    AutoencoderConfig as AutoencoderConfig,
    InpainterConfig as InpainterConfig,
    ModelConfig as ModelConfig,
    TaskConfig as TaskConfig,
    TaskTable as TaskTable,
    enabled_tasks as enabled_tasks,
    resolve_tasks as resolve_tasks,
)
from .encoder.encoder import XECEncoder as XECEncoder
from .encoder.gather import FaceGather as FaceGather
from .encoder.network import Network as Network
from .encoder.normalizer import Normalizer as Normalizer
from .errors import (
    CheckpointError as CheckpointError,
    ModelError as ModelError,
    RunDirectoryError as RunDirectoryError,
)
from .losses import LOSSES as LOSSES, Loss as Loss, losses_for as losses_for
from .reconstruction.autoencoder import XECMaskedAutoencoder as XECMaskedAutoencoder
from .reconstruction.inpainter import XECInpainter as XECInpainter
from .regressor.metrics import task_metrics as task_metrics
from .regressor.predictions import prediction_columns as prediction_columns, truth_columns as truth_columns
from .regressor.regressor import XECRegressor as XECRegressor
