"""The command line of a training: a file, ``section.key=value`` and flags, in any order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xec_geometry.errors import did_you_mean
from xec_train.config.earlier.table import EARLIER_FLAGS, SECOND_FLAGS
from xec_train.config.expansion import expanded_path
from xec_train.config.flags import FLAGS, Flag
from xec_train.config.keys import accepts_list, accepts_null, accepts_text, canonical
from xec_train.config.yaml_text import read_value

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)=(.*)", re.DOTALL)
_FLAG = re.compile(r"--([A-Za-z][\w-]*)(?:=(.*))?", re.DOTALL)
_FILE_FLAG = "config"
_SWITCHES = ("true", "false")
_YAML_FILE = re.compile(r"[^=]*\.ya?ml")


@dataclass(frozen=True)
class Assignment:
    """A value for a key, and how the user spelled it."""

    key: str
    value: Any
    spelling: str


@dataclass
class Arguments:
    """The parsed arguments of a command line.

    Attributes
    ----------
    files
        Arguments that are neither assignment nor flag: the configuration file.
    assignments
        Values for keys, in the order given.
    problems
        One line for each argument that is not valid.
    """

    files: list[str] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse_arguments(tokens: Sequence[str]) -> Arguments:
    """Sort the words of a command line into file, assignments and problems.

    Parameters
    ----------
    tokens
        The words. Flags are those of `FLAGS`, and ``--config`` before the file; as ``--flag value``,
        ``--flag=value``, or with several values where a flag takes many; they end at the
        next flag, assignment or YAML file.

    Returns
    -------
    Arguments
        Everything found, problems included: they are reported together with those of the file.
    """
    found, words = Arguments(), list(tokens)
    while words:
        word = words.pop(0)
        if match := _FLAG.fullmatch(word):
            _take_flag(match[1], match[2], words, found)
        elif word.startswith("-") and word != "-":
            found.problems.append(f"{word}: unknown flag; expected --flag value or section.key=value")
        elif match := _ASSIGNMENT.fullmatch(word):
            found.assignments += [
                Assignment(key, value_for(key, match[2]), match[1]) for key in canonical(match[1])
            ]
        else:
            found.files.append(word)
    found.problems += _two_spellings(found.assignments)
    return found


def value_for(key: str, text: str) -> Any:
    """Return the value that a text stands for.

    Where a key takes text, the text is taken as it stands, but for ``null`` where that is allowed and
    ``[a, b]`` where a list is. For other keys it is YAML.
    """
    if not accepts_text(key):
        return read_value(text)
    if text == "null" and accepts_null(key):
        return None
    if accepts_list(key) and text.startswith("[") and text.endswith("]"):
        # Not YAML: there $, {, # and others would mean something.
        return [part.strip().strip("'\"") for part in text[1:-1].split(",") if part.strip()]
    return text


def _take_flag(name: str, attached: str | None, words: list[str], found: Arguments) -> None:
    spelling, plain = f"--{name}", name.replace("-", "_")
    flag = FLAGS.get(SECOND_FLAGS.get(plain, plain))
    if flag is not None and flag.switch and attached is None:
        attached = words.pop(0) if words and words[0] in _SWITCHES else _SWITCHES[0]
    values = [attached] if attached is not None else _values(words, many=flag is not None and flag.many)
    if plain == _FILE_FLAG and values:
        found.files += map(expanded_path, values)
    elif plain in EARLIER_FLAGS:
        found.problems.append(f"{spelling}: {EARLIER_FLAGS[plain].answer(values)}")
    elif flag is None:
        hint = did_you_mean(plain, FLAGS)
        found.problems.append(f"{spelling}: unknown flag{hint}; any key can be given as section.key=value")
    elif not values:
        found.problems.append(f"{spelling}: no value given for {' and '.join(flag.keys)}")
    else:
        found.assignments += [
            Assignment(key, value, spelling) for key, value in _expand(flag, values).items()
        ]


def _values(words: list[str], *, many: bool) -> list[str]:
    values: list[str] = []
    while words and (many or not values) and not _ends_values(words[0], many):
        values.append(words.pop(0))
    return values


def _ends_values(word: str, many: bool) -> bool:
    if _FLAG.fullmatch(word):
        return True
    return many and bool(_ASSIGNMENT.fullmatch(word) or _YAML_FILE.fullmatch(word))


def _expand(flag: Flag, values: list[str]) -> dict[str, Any]:
    if flag.expand is not None:
        return flag.expand(values)
    parsed = [value_for(flag.keys[0], text) for text in values]
    return dict.fromkeys(flag.keys, parsed[0] if len(parsed) == 1 else parsed)


def _two_spellings(assignments: Sequence[Assignment]) -> list[str]:
    spellings: dict[str, list[str]] = {}
    for assignment in assignments:
        names = spellings.setdefault(assignment.key, [])
        if assignment.spelling not in names:
            names.append(assignment.spelling)
    return [
        f"{key}: given twice, as {' and as '.join(names)}; expected one of them"
        for key, names in spellings.items()
        if len(names) > 1
    ]
