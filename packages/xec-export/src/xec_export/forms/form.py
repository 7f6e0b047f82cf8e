"""One thing that can be exported: how a checkpoint becomes a network with named inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xec_export.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

    from xec_export.onnx.description import ModelDescription
    from xec_models.checkpoint.content import Checkpoint


@dataclass(frozen=True)
class ExportOptions:
    """What a user may ask of an export.

    Attributes
    ----------
    mirror
        Whether predictions are averages over an event and its reflections.
    tasks
        The tasks that are wanted; None: all.
    encoder
        Whether the tokens of the encoder are wanted, not what heads or decoders make of them.
    precision
        A name of `PRECISIONS`.
    """

    mirror: bool = False
    tasks: tuple[str, ...] | None = None
    encoder: bool = False
    precision: str = "fp32"


@dataclass(frozen=True)
class Exportable:
    """A network ready to be exported.

    Attributes
    ----------
    network
        In evaluation mode, on the CPU; maps the inputs of the description, (batch, sensors) float32 each, in
        their order to a dictionary of its outputs.
    description
        What it is.
    """

    network: nn.Module
    description: ModelDescription


@dataclass(frozen=True)
class ExportForm:
    """Something that can be exported of a checkpoint.

    Attributes
    ----------
    name
        The kind in the metadata, and for a whole network that of its checkpoint.
    summary
        One line for people.
    build
        Builds network and description from a checkpoint, its path, and what the user asks for.
    options
        The options that it knows; see `ExportOptions`.
    of_any_kind
        Whether it is a part that networks of every kind have; `name` is then no kind of checkpoint.
    """

    name: str
    summary: str
    build: Callable[[Checkpoint, Path, ExportOptions], Exportable]
    options: tuple[str, ...] = ()
    of_any_kind: bool = False

    def check(self, options: ExportOptions, path: Path) -> None:
        """Refuse options that have no meaning for it.

        Raises
        ------
        ExportError
            Naming the option.
        """
        for name, default in vars(ExportOptions()).items():
            if getattr(options, name) != default and name not in self.options:
                raise ExportError(f"{path}: --{name} has no meaning for the kind '{self.name}'")
