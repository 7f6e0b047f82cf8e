"""Configurations of trainings, and the command lines that change them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import ODD_TEXT, ODD_VALUES, mutated_bytes, mutated_lines, mutated_values

from xec_geometry.errors import XecError
from xec_train.config.flags import FLAGS
from xec_train.config.keys import accepts_text, all_keys, canonical
from xec_train.config.loading import load_config
from xec_train.config.template import resolved, template
from xec_train.objectives.table import OBJECTIVES

_FILE = "config.yaml"
_PLAIN = re.compile(r"-?[1-9]\d{0,9}|true|false|0\.5", re.ASCII)
_VALUES = (
    *(
        "0",
        "1",
        "-1",
        "3",
        "0.5",
        "1e-3",
        "1e400",
        "nan",
        "inf",
        "true",
        "false",
        "null",
        "auto",
        "none",
        "[]",
    ),
    *(
        "[1, 2]",
        "[3,3]",
        "[[1]]",
        "{}",
        "{a: 1}",
        "a.root",
        "x",
        "adamw",
        "cosine",
        "log1p",
        "sqrt",
        "regression",
    ),
    *("mae", "inpainting", "angle", "energy", "fsdp", "smooth_l1", "64", "96", "deg", "legacy", "light"),
)


class ConfigurationTarget:
    """`load_config`."""

    def __init__(self, folder: Path) -> None:
        del folder
        self._texts = [template(objective) for objective in OBJECTIVES]
        self._values = [yaml.safe_load(text) for text in self._texts]
        self._keys = [key.path for key in all_keys().values()]

    def examples(self) -> SearchStrategy[Example]:
        """Return files with other lines, bytes and values, and command lines."""
        words = [
            *self._keys,
            *(f"{key.rpartition('.')[2]}: {value}" for key in self._keys[:40] for value in ("1", "[]")),
        ]
        files = st.one_of(
            st.sampled_from(self._texts).flatmap(lambda text: mutated_lines(text, words)).map(str.encode),
            st.sampled_from(self._texts).flatmap(lambda text: mutated_bytes(text.encode())),
            # JSON is YAML, and can be read by something else.
            st.sampled_from(self._values)
            .flatmap(lambda values: mutated_values(values, ODD_VALUES))
            .map(lambda values: json.dumps(values).encode()),
            st.sampled_from(self._texts).map(str.encode),
        )
        value = st.one_of(st.sampled_from(_VALUES), st.sampled_from(ODD_TEXT), st.text(max_size=8))
        word = st.one_of(
            st.builds(lambda key, text: f"{key}={text}", st.sampled_from(self._keys), value),
            st.builds(lambda flag, text: f"--{flag}={text}", st.sampled_from(sorted(FLAGS)), value),
            st.sampled_from(sorted(FLAGS)).map(lambda flag: f"--{flag}"),
            value,
        )
        return st.builds(
            lambda text, more: Example({_FILE: text}, tuple(more)), files, st.lists(word, max_size=3)
        )

    def read(self, folder: Path, example: Example) -> None:
        """Compare with plainly stated values, and with what is read of what `config show` writes."""
        config = load_config(folder / _FILE, example.words).config
        found = dict(_leaves(config.model_dump(mode="json")))
        for key, value in _stated(example).items():
            if key in found:
                require(_same(found[key], value), f"{key} is {found[key]!r} instead of {value!r}")
        again = folder / "again.yaml"
        again.write_text(resolved(config), encoding="utf-8")
        try:
            config_again = load_config(again).config
        except XecError as error:
            require(False, f"what was read cannot be read again: {error}")
        require(
            dict(_leaves(config_again.model_dump(mode="json"))) == found or _has_nan(found),
            "read again it differs",
        )


def _stated(example: Example) -> dict[str, Any]:
    """Return the values of JSON, of the command line before those of the file."""
    try:
        values = dict(_leaves(json.loads(example.files[_FILE])))
    except ValueError:
        values = {}
    if any(word.startswith("-") for word in example.words):
        return {}
    for word in example.words:
        key, equals, text = word.partition("=")
        key = canonical(key)
        values = {path: value for path, value in values.items() if not f"{path}.".startswith(f"{key}.")}
        if equals and not accepts_text(key) and _PLAIN.fullmatch(text):
            values[key] = json.loads(text)
    return {key: value for key, value in values.items() if canonical(key) == key}


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, where)
        else:
            yield where, value


def _same(found: Any, stated: Any) -> bool:
    if isinstance(stated, bool) != isinstance(found, bool):
        return False
    if stated is None:
        # Some keys replace null by what it stands for.
        return True
    if isinstance(found, str) and isinstance(stated, int | float):
        # Text may be digits.
        return found == str(stated)
    return bool(found == stated or found == [stated] or stated != stated)


def _has_nan(values: Mapping[str, Any]) -> bool:
    return any(value != value for value in values.values())
