"""Plots and numbers of the xec reconstruction: resolution, baselines, event display and the demo.

What is listed here is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xec_analysis.__about__ import __version__

if TYPE_CHECKING:
    from xec_analysis.baselines import Baselines, fit_baselines
    from xec_analysis.display import Event, draw_event, find_event, read_event
    from xec_analysis.errors import AnalysisError
    from xec_analysis.pages import draw_page, draw_pages
    from xec_analysis.profiles import Profile, profile
    from xec_analysis.results import Results, TaskResult, collect_results, load_results
    from xec_analysis.table import metric_rows, metrics_table

_MODULE_OF = {
    "AnalysisError": "errors",
    "Baselines": "baselines",
    "Event": "display",
    "Profile": "profiles",
    "Results": "results",
    "TaskResult": "results",
    "collect_results": "results",
    "draw_event": "display",
    "draw_page": "pages",
    "draw_pages": "pages",
    "find_event": "display",
    "fit_baselines": "baselines",
    "load_results": "results",
    "metric_rows": "table",
    "metrics_table": "table",
    "profile": "profiles",
    "read_event": "display",
}

__all__ = [
    "AnalysisError",
    "Baselines",
    "Event",
    "Profile",
    "Results",
    "TaskResult",
    "__version__",
    "collect_results",
    "draw_event",
    "draw_page",
    "draw_pages",
    "find_event",
    "fit_baselines",
    "load_results",
    "metric_rows",
    "metrics_table",
    "profile",
    "read_event",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
