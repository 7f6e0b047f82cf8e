"""The networks that are compared, each with its own recipe; events and scaling constants are shared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.benchmark.commands import PLAIN_RUN
from xec_geometry.support.registry import Registry

EARLIER_RECIPE = Path(__file__).with_name("earlier.yaml")


@dataclass(frozen=True)
class Network:
    """A network and its recipe.

    Attributes
    ----------
    name
        Its name on the command line and in files.
    title
        What it is, for legends and tables.
    configure
        Arguments of `xec` that write its configuration, but for the output.
    settings
        Changes to it, as ``key=value``.
    plain
        Whether it is computed as PyTorch users write it, instead of by the fast blocks.
    remarks
        What one has to know to judge its numbers.
    """

    name: str
    title: str
    configure: tuple[str, ...]
    settings: tuple[str, ...] = ()
    plain: bool = False
    remarks: tuple[str, ...] = ()


PRESET = ("config", "new", "--preset", "laptop")

_CONVERTED = ("config", "convert", str(EARLIER_RECIPE))
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
            PRESET,
            remarks=(
                (
                    "begins with a conventional reconstruction, its anchor, and learns what is wrong with "
                    "it: it is as good as that from the first minute"
                ),
            ),
        ),
        Network(
            "earlier",
            "earlier form, fast blocks",
            _CONVERTED,
            ("model.layout=xec-ml-wl", *_EARLIER_SETTINGS),
            remarks=(
                "computed by the fast blocks of xec: its minutes are fewer than its users' were",
                *_EARLIER_REMARKS,
            ),
        ),
        Network(
            "earlier-plain",
            "earlier form, plain PyTorch",
            _CONVERTED,
            _EARLIER_SETTINGS,
            plain=True,
            remarks=(
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
