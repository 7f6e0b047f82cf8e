from .__about__ import __version__ as __version__
from .checkpoint.building import (
    build_model as build_model,
    load_evaluated as load_evaluated,
    load_model as load_model,
    load_parameters as load_parameters,
)
from .checkpoint.content import (
    Checkpoint as Checkpoint,
    InputFiles as InputFiles,
    NetworkWeights as NetworkWeights,
    OutputLabel as OutputLabel,
    ProcessState as ProcessState,
    RandomState as RandomState,
    SamplerState as SamplerState,
    TrainingState as TrainingState,
)
from .checkpoint.reading import read_checkpoint as read_checkpoint
from .checkpoint.run_directory import RunDirectory as RunDirectory
from .checkpoint.writing import new_checkpoint as new_checkpoint, save_checkpoint as save_checkpoint
from .config.network import (
    AutoencoderConfig as AutoencoderConfig,
    InpainterConfig as InpainterConfig,
    ModelConfig as ModelConfig,
    RegressorConfig as RegressorConfig,
    TaskConfig as TaskConfig,
    resolve_tasks as resolve_tasks,
)
from .encoder.network import Network as Network
from .encoder.normalizer import Normalizer as Normalizer
from .errors import (
    CheckpointError as CheckpointError,
    ModelError as ModelError,
    RunDirectoryError as RunDirectoryError,
)
from .losses.table import (
    LOSSES as LOSSES,
    Loss as Loss,
    losses_for as losses_for,
    losses_for_readings as losses_for_readings,
)
from .reconstruction.autoencoder import XECMaskedAutoencoder as XECMaskedAutoencoder
from .reconstruction.inpainter.inpainter import XECInpainter as XECInpainter
from .reconstruction.masking import draw_mask as draw_mask, event_scores as event_scores
from .regressor.metrics import (
    bias as bias,
    core_width as core_width,
    half_width_68 as half_width_68,
    percentile_68 as percentile_68,
    rms as rms,
    sigma_factors as sigma_factors,
    skewness as skewness,
    task_metrics as task_metrics,
)
from .regressor.mirrored import MirrorAverage as MirrorAverage
from .regressor.predictions import (
    ABSOLUTE_TIME as ABSOLUTE_TIME,
    PREDICTED as PREDICTED,
    SIGMA as SIGMA,
    SIGMA_SUFFIX as SIGMA_SUFFIX,
    TIME_OFFSET as TIME_OFFSET,
    TRUE as TRUE,
    prediction_columns as prediction_columns,
    true_columns as true_columns,
    truth_columns as truth_columns,
    variant_column as variant_column,
)
from .regressor.regressor import XECRegressor as XECRegressor
