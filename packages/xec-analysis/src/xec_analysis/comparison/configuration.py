"""What differs between runs: keys of their configurations, files, versions, size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xec_analysis.comparison.compared_run import ComparedRun

ABSENT = "–"

_MOST_COLUMNS = 4
# They name a run.
_LEFT_OUT = ("mlflow.run_name",)
# What the value of a loss depends on, besides the network.
_OF_THE_LOSS = ("tasks.", "loss", "normalization.", "channel_weight", "mask", "data.angle_unit", "fiducial")


@dataclass(frozen=True)
class Difference:
    """A key whose value is not the same in all runs.

    Attributes
    ----------
    key
        The dotted key of the configuration, or a few words.
    values
        Its value in each run, as text; `ABSENT` where there is none.
    """

    key: str
    values: tuple[str, ...]


def differences(runs: Sequence[ComparedRun]) -> list[Difference]:
    """Return what differs between runs, in the order of their configurations; the origin follows."""
    configs = [run.config for run in runs]
    keys = dict.fromkeys(key for config in configs for key in config if key not in _LEFT_OUT)
    found = [Difference(key, tuple(_text(config, key) for config in configs)) for key in keys]
    found += [
        Difference(name, tuple(values.get(name, ABSENT) for values in origins))
        for origins in [[dict(_origin(run)) for run in runs]]
        for name in dict.fromkeys(name for values in origins for name in values)
    ]
    return [difference for difference in found if len(set(difference.values)) > 1]


def as_rows(found: Sequence[Difference], labels: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return differences as a table of text that is not too wide.

    Parameters
    ----------
    found
        The differences.
    labels
        Names of the runs.

    Returns
    -------
    list of str, list of list of str
        Header and rows: a column for each of a few runs; of many, a row for each value, with its runs.
    """
    if len(labels) <= _MOST_COLUMNS:
        return ["what differs", *labels], [[difference.key, *difference.values] for difference in found]
    rows = []
    for difference in found:
        runs: dict[str, list[str]] = {}
        for label, value in zip(labels, difference.values, strict=True):
            runs.setdefault(value, []).append(label)
        keys = [difference.key, *[""] * (len(runs) - 1)]
        rows += [
            [key, value, ", ".join(names)] for key, (value, names) in zip(keys, runs.items(), strict=True)
        ]
    return ["what differs", "value", "runs"], rows


def differ_in_loss(found: Sequence[Difference]) -> list[str]:
    """Return the keys among the differences that change what the number of a loss means."""
    return [
        difference.key
        for difference in found
        if any(part in difference.key for part in _OF_THE_LOSS) and difference.key != "model.mask_ratio"
    ]


def _text(config: Mapping[str, Any], key: str) -> str:
    if key not in config:
        return ABSENT
    value = config[key]
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _origin(run: ComparedRun) -> Iterator[tuple[str, str]]:
    for use, files in run.files.items():
        yield f"{use} files", str(files)
    checkpoint = run.checkpoint
    if checkpoint is None:
        return
    origin = checkpoint.provenance
    yield "numbers in the network", f"{run.parameters}"
    yield "geometry", origin.geometry_hash[:12]
    yield "git revision", (origin.git_revision or ABSENT)[:12]
    yield from ((f"version of {name}", text) for name, text in origin.versions.items())
