"""Packages of AOTInductor: a network as compiled code, for libtorch.

The code is made for the kind of processor that it was compiled on. Who opens a package runs it: only packages
of people that one trusts may be opened. `read_metadata` opens nothing.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.onnx.graph import TupleOutput, quiet
from xec_geometry.support.text import first_line

_METADATA = "_metadata.json"
_EVENTS_TRACED = 2


def write_pt2(network: nn.Module, description: ModelDescription, path: Path) -> None:
    """Compile a network for any number of events.

    Parameters
    ----------
    network, description
        As for `write_onnx`.
    path
        The package, a name that ends in ``.pt2``.

    Raises
    ------
    ExportError
        If torch cannot export or compile it: a C++ compiler is needed.
    """
    import torch._inductor

    example = torch.ones(_EVENTS_TRACED, description.n_sensors)
    batch = torch.export.Dim("batch", min=0)
    inputs = tuple(example.clone() for _ in description.inputs)
    module = TupleOutput(network, description.output_names).eval()
    with quiet(), torch.no_grad():
        try:
            program = torch.export.export(module, inputs, dynamic_shapes=(tuple({0: batch} for _ in inputs),))
            torch._inductor.aoti_compile_and_package(
                program,
                package_path=str(path),
                inductor_configs={
                    "aot_inductor.metadata": description.to_metadata(),
                    # Or the code would take as many threads as this machine has, wherever it runs.
                    "cpp.dynamic_threads": True,
                },
            )
        except Exception as error:
            # Exporter, compiler and linker raise errors of every type.
            raise ExportError(f"torch cannot compile the network: {first_line(error)}") from error


class Pt2Package:
    """A compiled network. Opening it runs its code.

    Parameters
    ----------
    path
        The package.

    Attributes
    ----------
    description : ModelDescription
        What it is.
    """

    def __init__(self, path: Path) -> None:
        import torch._inductor

        self.description = ModelDescription.from_metadata(read_metadata(path), path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._run: Any = torch._inductor.aoti_load_package(str(path))

    def __call__(self, *inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run it for inputs (n, sensors) in the order of the description."""
        outputs = self._run(*(torch.from_numpy(values) for values in inputs))
        names = self.description.output_names
        return {name: values.numpy() for name, values in zip(names, outputs, strict=True)}


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a package without running anything.

    Raises
    ------
    ExportError
        If it is no package of AOTInductor.
    """
    try:
        with zipfile.ZipFile(path) as package:
            name = next(name for name in package.namelist() if name.endswith(_METADATA))
            content = json.loads(package.read(name))
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile) as error:
        raise ExportError(
            f"{path}: not a package of AOTInductor; expected what `xec export` wrote"
        ) from error
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}
