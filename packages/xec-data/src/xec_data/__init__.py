"""ROOT files of the MEG II liquid-xenon detector.

Schema, streaming reader, writers, normalization, file check and fast simulation. What is listed here is
loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xec_data.__about__ import __version__

if TYPE_CHECKING:
    from xec_data.angles import detect_angle_unit
    from xec_data.chunk import EventChunk
    from xec_data.columns import read_columns
    from xec_data.csv_writer import CsvWriter
    from xec_data.errors import DataError
    from xec_data.files import find_files
    from xec_data.memory import bounded_chunk_size
    from xec_data.normalization import (
        PRESETS,
        SCHEMES,
        NormalizationConfig,
        NphoTransform,
        TimeTransform,
        valid_time,
    )
    from xec_data.reader import EventReader
    from xec_data.schema import INVALID, SCHEMA, Branch, is_invalid
    from xec_data.shards import Shard, plan_shards
    from xec_data.simulation import SimulationConfig, expected_photons, simulate_events, simulate_file
    from xec_data.tree import TreeInfo, inspect_tree
    from xec_data.truth import read_truth
    from xec_data.validity import check_readings, check_truth
    from xec_data.writer import TreeWriter

_MODULE_OF = {
    "DataError": "errors",
    "INVALID": "schema",
    "SCHEMA": "schema",
    "Branch": "schema",
    "is_invalid": "schema",
    "find_files": "files",
    "TreeInfo": "tree",
    "inspect_tree": "tree",
    "Shard": "shards",
    "plan_shards": "shards",
    "EventChunk": "chunk",
    "EventReader": "reader",
    "bounded_chunk_size": "memory",
    "read_truth": "truth",
    "read_columns": "columns",
    "check_truth": "validity",
    "check_readings": "validity",
    "detect_angle_unit": "angles",
    "PRESETS": "normalization",
    "SCHEMES": "normalization",
    "NormalizationConfig": "normalization",
    "NphoTransform": "normalization",
    "TimeTransform": "normalization",
    "valid_time": "normalization",
    "TreeWriter": "writer",
    "CsvWriter": "csv_writer",
    "SimulationConfig": "simulation",
    "expected_photons": "simulation",
    "simulate_events": "simulation",
    "simulate_file": "simulation",
}

__all__ = [
    "INVALID",
    "PRESETS",
    "SCHEMA",
    "SCHEMES",
    "Branch",
    "CsvWriter",
    "DataError",
    "EventChunk",
    "EventReader",
    "NormalizationConfig",
    "NphoTransform",
    "Shard",
    "SimulationConfig",
    "TimeTransform",
    "TreeInfo",
    "TreeWriter",
    "__version__",
    "bounded_chunk_size",
    "check_readings",
    "check_truth",
    "detect_angle_unit",
    "expected_photons",
    "find_files",
    "inspect_tree",
    "is_invalid",
    "plan_shards",
    "read_columns",
    "read_truth",
    "simulate_events",
    "simulate_file",
    "valid_time",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
