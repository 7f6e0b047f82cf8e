"""`xec compare-inpainting`: how well dead channels are filled in, by a network and without one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare_inpainting(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL FILE…",
            help="Checkpoint of an inpainter, and ROOT files; only files with --no-network.",
            show_default=False,
        ),
    ],
    dead: Annotated[
        str | None,
        typer.Option(
            "--dead",
            "-d",
            metavar="SOURCE",
            help="Dead channels: text file, ROOT file with the branch dead, or database URL.",
        ),
    ] = None,
    validation: Annotated[
        str,
        typer.Option(
            help="pseudo: hide the sensors of --dead, in simulated events. data: hide healthy sensors at "
            "random. auto: pseudo if --dead is given and the files have the true energy.",
        ),
    ] = "auto",
    fraction: Annotated[
        float, typer.Option(help="With data: part of the healthy sensors of each face that is hidden.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="With data: the same seed hides the same sensors.")] = 0,
    events: Annotated[
        int, typer.Option("--events", "-n", help="Events that are read, from the beginning.")
    ] = 2000,
    network: Annotated[
        bool,
        typer.Option("--network/--no-network", help="Compare a network, or only the estimators without one."),
    ] = True,
    regressor: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint or ONNX file of an energy regressor: what dead channels do to the energy."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The PDF; the numbers go into a CSV file beside it.")
    ] = Path("compare_inpainting.pdf"),
    residuals: Annotated[
        Path | None, typer.Option(help="Also write every hidden sensor, with mask_type, into this ROOT file.")
    ] = None,
    tree: Annotated[str, typer.Option("--tree", "-t", help="Name of the tree.")] = "tree",
    npho_branch: Annotated[str, typer.Option(help="Branch with the photons.")] = "npho",
    time_branch: Annotated[str, typer.Option(help="Branch with the times.")] = "relative_time",
) -> None:
    """Hide sensors whose reading is known, and compare what a network and estimators make of them.

    xec compare-inpainting inpainter.pth simulated.root --dead dead.txt --regressor energy.onnx
    xec compare-inpainting inpainter.pth run12345.root --validation data --fraction 0.05
    """
    from rich.console import Console

    from xec_analysis.errors import AnalysisError
    from xec_analysis.inpainting.baselines import ESTIMATORS
    from xec_analysis.inpainting.energy_effect import (
        effect_table,
        energy_effect,
        open_regressor,
        predict_energies,
    )
    from xec_analysis.inpainting.hidden_sensors import choose_validation
    from xec_analysis.inpainting.network import open_reconstruction
    from xec_analysis.inpainting.numbers import (
        by_face,
        by_npho,
        numbers_tables,
        verdicts,
        write_numbers,
        write_residuals,
    )
    from xec_analysis.inpainting.pages import draw_comparison
    from xec_analysis.inpainting.validation import Collector, treat_events
    from xec_data.commands.progress import progress_of_files
    from xec_geometry.support.output import check_writable

    model, files = (inputs[0], inputs[1:]) if network else (None, inputs)
    if not files:
        raise AnalysisError("no files of events: expected MODEL FILE…, or --no-network FILE…")
    if events < 1:
        raise AnalysisError(f"--events {events}: expected at least 1")
    if output.suffix != ".pdf":
        raise AnalysisError(f"cannot draw {output}: expected the name of a .pdf file")
    table_path = output.with_suffix(".csv")
    for path in (output, table_path, *([residuals] if residuals else [])):
        check_writable(path)
    chosen = choose_validation(validation, files, dead, fraction=fraction, seed=seed, tree_name=tree)
    reconstruct = open_reconstruction(model) if model is not None else None
    energy = open_regressor(regressor) if regressor is not None else None

    console = Console(highlight=False)
    collector, energies, truths = Collector(), [], []
    with progress_of_files("filling in") as progress_of:
        progress = progress_of(files[0])
        for chunk in treat_events(
            list(files),
            chosen,
            ESTIMATORS,
            reconstruct,
            max_events=events,
            tree_name=tree,
            npho_branch=npho_branch,
            time_branch=time_branch,
        ):
            collector.add(chunk)
            if energy is not None:
                energies.append(predict_energies(energy, chunk))
                truths.append(chunk.truth.get("energyTruth"))
            progress(collector.n_events, events)
    readings = collector.readings()
    faces, npho = by_face(readings), by_npho(readings)
    what = f"{readings.n_events} events, {int(readings.comparable.sum())} hidden sensors"
    console.print(f"{chosen.title}\n{what}", soft_wrap=True)
    for title, table in (*numbers_tables(faces), *numbers_tables(npho, "npho")):
        console.print(title, style="italic")
        console.print(table)
    for line in verdicts(faces):
        console.print(line, soft_wrap=True)
    effect = energy_effect(energies, truths) if energies else None
    if effect is not None:
        console.print(effect_table(effect, f"energy / {effect.reference} − 1, {effect.n_events} events"))
    name = model.name if model is not None else "without a network"
    written = [
        draw_comparison(
            readings, output, title=f"Inpainting, {name}", subtitle=f"{chosen.title} · {what}", effect=effect
        ),
        write_numbers(table_path, faces, npho),
    ]
    if residuals is not None:
        facts = {"validation": chosen.title, "model": str(model), "files": [str(path) for path in files]}
        written.append(write_residuals(residuals, readings, facts))
    for path in written:
        console.print(f"{path}", soft_wrap=True)
