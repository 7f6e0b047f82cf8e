"""ROOT files of the MEG II liquid-xenon detector.

Schema, streaming reader, writers, normalization, file check and fast simulation. What is listed here is
loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_data.__about__ import __version__

if TYPE_CHECKING:
    from xec_data.angles import detect_angle_unit
    from xec_data.chunk import EventChunk
    from xec_data.columns import read_columns
    from xec_data.csv_writer import CsvWriter
    from xec_data.dead_channels import DeadChannelSource, open_dead_channels, write_dead_channels
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


__all__ = [
    "INVALID",
    "PRESETS",
    "SCHEMA",
    "SCHEMES",
    "Branch",
    "CsvWriter",
    "DataError",
    "DeadChannelSource",
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
    "open_dead_channels",
    "plan_shards",
    "read_columns",
    "read_truth",
    "simulate_events",
    "simulate_file",
    "valid_time",
    "write_dead_channels",
]

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "angles": ["detect_angle_unit"],
        "chunk": ["EventChunk"],
        "columns": ["read_columns"],
        "csv_writer": ["CsvWriter"],
        "dead_channels": ["DeadChannelSource", "open_dead_channels", "write_dead_channels"],
        "errors": ["DataError"],
        "files": ["find_files"],
        "memory": ["bounded_chunk_size"],
        "normalization": [
            "NormalizationConfig",
            "NphoTransform",
            "PRESETS",
            "SCHEMES",
            "TimeTransform",
            "valid_time",
        ],
        "reader": ["EventReader"],
        "schema": ["Branch", "INVALID", "SCHEMA", "is_invalid"],
        "shards": ["Shard", "plan_shards"],
        "simulation": ["SimulationConfig", "expected_photons", "simulate_events", "simulate_file"],
        "tree": ["TreeInfo", "inspect_tree"],
        "truth": ["read_truth"],
        "validity": ["check_readings", "check_truth"],
        "writer": ["TreeWriter"],
    },
)
