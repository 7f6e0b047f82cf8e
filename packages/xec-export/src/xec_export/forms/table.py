"""The table of what can be exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xec_export.errors import ExportError
from xec_export.forms.form import Exportable, ExportForm, ExportOptions
from xec_geometry.support.registry import Registry

if TYPE_CHECKING:
    from xec_models.checkpoint.content import Checkpoint

ENCODER = "encoder"


def _regressor(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:
    from xec_export.forms.regressor import build_regressor

    return build_regressor(checkpoint, path, options)


def _inpainter(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:  # noqa: ARG001
    from xec_export.forms.inpainter import build_inpainter

    return Exportable(*build_inpainter(checkpoint, path))


def _autoencoder(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:  # noqa: ARG001
    from xec_export.forms.autoencoder import build_autoencoder

    return build_autoencoder(checkpoint, path)


def _encoder(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:  # noqa: ARG001
    from xec_export.forms.encoder import build_encoder

    return build_encoder(checkpoint, path)


EXPORT_FORMS: Registry[ExportForm] = Registry(
    "kind of network to export",
    (
        ExportForm(
            "regressor",
            "physical quantities from raw readings",
            _regressor,
            options=("mirror", "tasks", "precision"),
        ),
        ExportForm("inpainter", "readings of all sensors, recovered where dead", _inpainter),
        ExportForm("mae", "readings of all sensors, reconstructed from those not hidden", _autoencoder),
        ExportForm(ENCODER, "tokens of the faces", _encoder, options=("encoder",), of_any_kind=True),
    ),
    group="xec.export_forms",
    error=ExportError,
)
"""Every form by its name. Installed packages add theirs in the group ``xec.export_forms``."""


def build_exportable(checkpoint: Checkpoint, path: Path, options: ExportOptions) -> Exportable:
    """Build what is to be exported of a checkpoint.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    path
        Where it stands, for messages and for the network's name.
    options
        What the user asks for.

    Raises
    ------
    ExportError
        If nothing of such a checkpoint can be exported, or an option has no meaning for it.
    """
    kinds = [name for name, form in EXPORT_FORMS.items() if not form.of_any_kind]
    if checkpoint.kind not in kinds:
        raise ExportError(
            f"{path}: a checkpoint of kind '{checkpoint.kind}'; expected one of "
            + ", ".join(f"'{name}'" for name in kinds)
        )
    form = EXPORT_FORMS[ENCODER if options.encoder else checkpoint.kind]
    form.check(options, path)
    return form.build(checkpoint, path, options)
