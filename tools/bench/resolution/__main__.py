"""``hatch run bench-resolution``: how long until a network is as good as the conventional reconstruction."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from tools.bench.resolution.content import Content, Machine, quantities_of, training_of
from tools.bench.resolution.figure import draw
from tools.bench.resolution.networks import DEFAULT, NETWORKS, choose_networks
from tools.bench.resolution.page import NOTES, time_grid, write_page
from tools.bench.resolution.study import Study, new_console

from xec_analysis.studies.benchmark.sets import EventCounts
from xec_geometry.cli.boundary import boundary
from xec_geometry.support.output import make_folder


def main(
    minutes: Annotated[float, typer.Option(min=0.01, help="Time of each training.")] = 60.0,
    events: Annotated[
        str, typer.Option(metavar="TRAIN:VAL:TEST", help="Numbers of events.")
    ] = "60000:2000:5000",
    points: Annotated[int, typer.Option(min=2, help="Largest number of points of a curve.")] = 12,
    networks: Annotated[str, typer.Option(help=f"Of {', '.join(NETWORKS)}, separated by commas.")] = DEFAULT,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER/NAME", help="For .pdf, .png, .md and .json.")
    ] = Path("resolution/resolution"),
) -> None:
    """Train networks, and draw their 68 % widths against the time of training.

    What is finished in the folder of an earlier run with the same options is not done again.
    """
    chosen, counts = choose_networks(networks), EventCounts.parse(events)
    console = new_console()
    study = Study(make_folder(output.parent), counts, minutes, console)
    refined = study.conventional()
    trainings = tuple(training_of(network, study.train(network, points).course()) for network in chosen)
    words = ["hatch", "run", "bench-resolution", "--minutes", f"{minutes:g}", "--events", events]
    words += ["--points", str(points), "--networks", networks]
    content = Content(shlex.join(words), Machine.here(), counts.test, quantities_of(refined), trainings)
    for training in trainings:
        console.print(time_grid(content, training).rich())
        for remark in training.network.remarks:
            console.print(f"- {remark}", soft_wrap=True, markup=False)
    for note in NOTES:
        console.print(note, soft_wrap=True, markup=False)
    console.print(str(content.machine), soft_wrap=True, markup=False)
    written = [content.write(output.with_name(f"{output.name}.json"))]
    written += [write_page(content, output.with_name(f"{output.name}.md")), *draw(content, output)]
    for path in written:
        console.print(f"{path}", soft_wrap=True, markup=False)


if __name__ == "__main__":
    with boundary(sys.argv):
        typer.run(main)
