"""The table of objectives: configuration, network and class of each in one entry, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xec_geometry.support.registry import Registry
from xec_train.errors import ConfigError

if TYPE_CHECKING:
    from xec_geometry import SensorTable
    from xec_train.config.train_config import TrainConfig
    from xec_train.objectives.base import Objective


@dataclass(frozen=True)
class ObjectiveEntry:
    """An objective that a configuration can name.

    Attributes
    ----------
    name
        Its name in configurations.
    summary
        A few words for people.
    network_kind
        Kind of its checkpoints.
    load_config
        Imports and returns the class of its configuration.
    load_objective
        Imports and returns its class (and torch), which takes the configuration, and positions of the sensors
        that take the place of those it names.
    next_steps
        Commands for a finished run ``{run}`` and its checkpoint ``{best}``, and what they do.
    """

    name: str
    summary: str
    network_kind: str
    load_config: Callable[[], type[TrainConfig]]
    load_objective: Callable[[], Callable[[Any, SensorTable | None], Objective[Any]]]
    next_steps: Mapping[str, str] = field(default_factory=dict)

    @property
    def config_class(self) -> type[TrainConfig]:
        """The class of its configuration."""
        return self.load_config()

    def build(self, config: TrainConfig, geometry: SensorTable | None = None) -> Objective[Any]:
        """Build the objective that a configuration of its class describes; as `build_objective`."""
        return self.load_objective()(config, geometry)


def build_objective(config: TrainConfig, geometry: SensorTable | None = None) -> Objective[Any]:
    """Build the objective that a configuration describes.

    Parameters
    ----------
    config
        The configuration.
    geometry
        Where the sensors stand; by default where the configuration says.
    """
    return OBJECTIVES[config.objective].build(config, geometry)


def _regression_config() -> type[TrainConfig]:
    from xec_train.config.train_config import RegressionConfig

    return RegressionConfig


def _regression() -> Callable[[Any, SensorTable | None], Objective[Any]]:
    from xec_train.regression.objective import Regression

    return Regression


def _autoencoding_config() -> type[TrainConfig]:
    from xec_train.config.train_config import AutoencodingConfig

    return AutoencodingConfig


def _autoencoding() -> Callable[[Any, SensorTable | None], Objective[Any]]:
    from xec_train.reconstruction.autoencoding import MaskedReconstruction

    return MaskedReconstruction


def _inpainting_config() -> type[TrainConfig]:
    from xec_train.config.train_config import InpaintingConfig

    return InpaintingConfig


def _inpainting() -> Callable[[Any, SensorTable | None], Objective[Any]]:
    from xec_train.reconstruction.inpainting import Inpainting

    return Inpainting


DEFAULT = "regression"

_PLOT_RECONSTRUCTION = {
    "xec plot {run}": "the reconstructed events (checkpoint.save_predictions), and the curves"
}

OBJECTIVES: Registry[ObjectiveEntry] = Registry(
    "objective",
    (
        ObjectiveEntry(
            "regression",
            "tasks from their true values",
            "regressor",
            _regression_config,
            _regression,
            {
                "xec predict {best} IN.root -o OUT.root": "the network on other files",
                "xec plot {run}": "plots of the validation",
            },
        ),
        ObjectiveEntry(
            "mae",
            "masked autoencoding, to pre-train an encoder",
            "mae",
            _autoencoding_config,
            _autoencoding,
            {
                "xec train REGRESSION.yaml checkpoint.resume_from={best}": (
                    "a regressor that begins with its encoder"
                ),
                **_PLOT_RECONSTRUCTION,
            },
        ),
        ObjectiveEntry(
            "inpainting",
            "readings of dead channels",
            "inpainter",
            _inpainting_config,
            _inpainting,
            {
                "xec inpaint {best} IN.root -o OUT.root": "a copy of a file with its dead channels recovered",
                **_PLOT_RECONSTRUCTION,
            },
        ),
    ),
    error=ConfigError,
)
"""Every objective by its name."""
