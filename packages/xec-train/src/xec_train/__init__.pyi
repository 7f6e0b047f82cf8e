from .__about__ import __version__ as __version__
from .config.loading import LoadedConfig as LoadedConfig, load_config as load_config
from .config.template import template as template
from .config.train_config import TrainConfig as TrainConfig
from .errors import ConfigError as ConfigError, TrainError as TrainError
from .runs.training import train as train
