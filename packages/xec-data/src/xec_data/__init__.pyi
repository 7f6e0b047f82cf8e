from .__about__ import __version__ as __version__
from .dead_channels.sources import (
    DeadChannelSource as DeadChannelSource,
    open_dead_channels as open_dead_channels,
    write_dead_channels as write_dead_channels,
)
from .errors import DataError as DataError
from .normalization.presets import PRESETS as PRESETS, Preset as Preset
from .normalization.schemes import SCHEMES as SCHEMES, Scheme as Scheme
from .normalization.transforms import (
    NormalizationConfig as NormalizationConfig,
    NphoTransform as NphoTransform,
    TimeTransform as TimeTransform,
    valid_time as valid_time,
)
from .reading.chunk import EventChunk as EventChunk
from .reading.chunk_size import bounded_chunk_size as bounded_chunk_size
from .reading.columns import read_columns as read_columns
from .reading.file_paths import find_files as find_files
from .reading.reader import EventReader as EventReader
from .reading.shards import Shard as Shard, plan_shards as plan_shards
from .reading.tree_info import TreeInfo as TreeInfo, inspect_tree as inspect_tree
from .reading.truth import read_truth as read_truth
from .schema.angles import detect_angle_unit as detect_angle_unit
from .schema.branches import INVALID as INVALID, SCHEMA as SCHEMA, Branch as Branch, is_invalid as is_invalid
from .schema.validity import check_readings as check_readings, check_truth as check_truth
from .simulation import (
    SimulationConfig as SimulationConfig,
    expected_photons as expected_photons,
    simulate_events as simulate_events,
    simulate_file as simulate_file,
)
from .tasks.measures import opening_angle as opening_angle
from .tasks.output import Output as Output, Reflection as Reflection
from .tasks.table import TASKS as TASKS
from .tasks.task import Task as Task, Truth as Truth
from .writing.csv_writer import CsvWriter as CsvWriter
from .writing.tree_writer import TreeWriter as TreeWriter
