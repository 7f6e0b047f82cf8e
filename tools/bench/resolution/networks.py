"""The networks that are compared, each with its own recipe; events and scaling constants are shared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.benchmark.commands import PLAIN_RUN
from xec_geometry.support.registry import Registry

EARLIER_RECIPE = Path(__file__).with_name("earlier.yaml")


@dataclass(frozen=True)
class Recipe:
    """A configuration: the file that it is written to, and the arguments of `xec` that write it."""

    file: str
    configure: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A network and its recipe.

    Attributes
    ----------
    name
        Its name on the command line and in files.
    title
        What it is, for legends and tables.
    recipe
        Its configuration.
    settings
        Changes to it, as ``key=value``.
    plain
        Whether it is computed as PyTorch users write it, instead of by the fast blocks.
    remarks
        What one has to know to judge its numbers.
    """

    name: str
    title: str
    recipe: Recipe
    settings: tuple[str, ...] = ()
    plain: bool = False
    remarks: tuple[str, ...] = ()


LAPTOP = Recipe("laptop.yaml", ("config", "new", "--preset", "laptop"))
EARLIER = Recipe("earlier.yaml", ("config", "convert", str(EARLIER_RECIPE)))

_EARLIER_SETTINGS = (
    # As large a part of the time as two of its twenty epochs.
    *("training.epochs=10000", "training.warmup_epochs=1000"),
    "training.ema_warmup=true",
)
_EARLIER_REMARKS = (
    "its warm-up, two of twenty epochs, takes a tenth of the time",
    (
        "its averaged weights forget the initial ones at once, unlike in the earlier system: an average over "
        "a thousand steps is mostly initial weights where there are fewer"
    ),
)

NETWORKS = Registry(
    "network",
    (
        Network(
            "laptop",
            "xec, preset laptop",
            LAPTOP,
            remarks=(
                (
                    "begins with a conventional reconstruction, its anchor, and learns what is wrong with "
                    "it: it is about as good as that from the first minute"
                ),
            ),
        ),
        Network(
            "earlier",
            "earlier form, fast blocks",
            EARLIER,
            ("model.layout=xec-ml-wl", *_EARLIER_SETTINGS),
            remarks=(
                "computed by the fast blocks of xec: its minutes are fewer than its users' were",
                *_EARLIER_REMARKS,
            ),
        ),
        Network(
            "earlier-plain",
            "earlier form, plain PyTorch",
            EARLIER,
            # 32 events take 3.4 GB in this form.
            (*_EARLIER_SETTINGS, "data.batch_size=32", "training.grad_accum_steps=8"),
            plain=True,
            remarks=(
                "a step is that of eight batches of 32 events: one of 256 takes much memory in this form",
                "computed as PyTorch users write it (tools/bench/plain_form.py), with the layout 'physical'",
                *_EARLIER_REMARKS,
            ),
        ),
    ),
    error=AnalysisError,
)
"""The networks, ours first."""

DEFAULT = "laptop,earlier"


def choose_networks(names: str) -> list[Network]:
    """Return networks by their names, separated by commas."""
    return [NETWORKS.get_named(name, "--networks: ") for name in dict.fromkeys(names.split(","))]


def all_settings(network: Network, minutes: float) -> tuple[str, ...]:
    """Return all changes to the configuration of a network that trains for some time."""
    return (*PLAIN_RUN, f"training.max_minutes={minutes:g}", *network.settings)
