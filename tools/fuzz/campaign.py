"""Trying of inputs in processes that may hang, crash, or run out of memory."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed as seeded, settings
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example
from tools.fuzz.judgement import Finding, judge
from tools.fuzz.targets import TargetEntry

_ROUND = 50
"""Examples between two looks at the clock."""


@dataclass(frozen=True)
class Extent:
    """How much of a target is tried.

    Attributes
    ----------
    seed
        Of the first round; the next ones count on.
    examples
        Number of inputs; None: until the time is over.
    seconds
        The time.
    """

    seed: int = 0
    examples: int | None = None
    seconds: float = 60.0


@dataclass
class Result:
    """What came of a target.

    Attributes
    ----------
    target
        Its name.
    tried
        Number of inputs.
    findings
        Folders with an input and a text each.
    """

    target: str
    tried: int
    findings: list[Path]


def try_target(
    entry: TargetEntry, extent: Extent, output: Path, say: Callable[[str], None] = print
) -> Result:
    """Try inputs of a target in a process of its own, which is started again when it dies.

    Parameters
    ----------
    entry
        The target.
    extent
        How many inputs.
    output
        Folder for the findings.
    say
        Told each finding.
    """
    name = entry.name
    result = Result(name, 0, [])
    work = output / f".{name}"
    spawn = multiprocessing.get_context("spawn")
    end, seed, kinds = time.monotonic() + extent.seconds, extent.seed, set[str]()
    try:
        while not _is_over(extent, result.tried, end):
            receiver, sender = spawn.Pipe()
            left = None if extent.examples is None else extent.examples - result.tried
            remaining = Extent(seed, left, end - time.monotonic())
            process = spawn.Process(target=_work, args=(entry, remaining, work, sender, kinds), daemon=True)
            process.start()
            sender.close()
            while True:
                try:
                    message = receiver.recv()
                except EOFError:
                    break
                if isinstance(message, Finding):
                    kinds.add(message.kind)
                    result.findings.append(_keep(result, work / "try", output, message))
                    say(f"{name}: {message.kind}: {result.findings[-1]}")
                    receiver.send(None)
                else:
                    result.tried, seed = result.tried + message, seed + 1
            process.join()
            if process.exitcode and not (work / "try").exists():
                raise RuntimeError(f"{name}: its process ended with {process.exitcode} before any input")
            if process.exitcode:
                death = Finding(f"died, {process.exitcode}", f"the process ended with {process.exitcode}")
                result.tried, seed = result.tried + 1, seed + 1
                if death.kind not in kinds:
                    kinds.add(death.kind)
                    result.findings.append(_keep(result, work / "try", output, death))
                    say(f"{name}: {death.kind}: {result.findings[-1]}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return result


def _is_over(extent: Extent, tried: int, end: float) -> bool:
    return time.monotonic() >= end or (extent.examples is not None and tried >= extent.examples)


def _keep(result: Result, tried: Path, output: Path, finding: Finding) -> Path:
    number = len(result.findings) + 1
    while (folder := output / f"{result.target}-{number}").exists():
        number += 1
    if tried.exists():
        shutil.copytree(tried, folder)
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "finding.txt").write_text(
        f"{finding.kind}\n\n{finding.text}\n", encoding="utf-8", errors="backslashreplace"
    )
    return folder


def _work(entry: TargetEntry, extent: Extent, work: Path, sender: Connection, known: set[str]) -> None:
    """Try inputs, round by round; sends findings as they come, and the number of inputs of each round."""
    (work / "seeds").mkdir(parents=True, exist_ok=True)
    target = entry.build(work / "seeds")
    end, seed, left = time.monotonic() + extent.seconds, extent.seed, extent.examples
    while time.monotonic() < end and (left is None or left > 0):
        tried = 0

        def attempt(example: Example) -> None:
            nonlocal tried
            if time.monotonic() >= end:
                return
            tried += 1
            finding = judge(target, work / "try", example)
            if finding is not None and finding.kind not in known:
                known.add(finding.kind)
                sender.send(finding)
                # The input stays until it has been copied.
                sender.recv()

        run_round(attempt, target.examples(), seed, _ROUND if left is None else min(_ROUND, left))
        sender.send(tried)
        seed += 1
        left = None if left is None else left - tried


def run_round(
    attempt: Callable[[Example], None], examples: SearchStrategy[Example], seed: int, number: int
) -> None:
    """Call a function with examples of a strategy, the same ones for the same seed."""
    quiet = settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seeded(seed)(quiet(given(example=examples)(attempt)))()
