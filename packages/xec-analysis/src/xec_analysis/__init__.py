"""Plots and numbers of the xec reconstruction: resolution, baselines, event display and the demo.

What is listed here is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_analysis.__about__ import __version__

if TYPE_CHECKING:
    from xec_analysis.baselines import Baselines, fit_baselines
    from xec_analysis.display import Event, draw_event, find_event, read_event
    from xec_analysis.errors import AnalysisError
    from xec_analysis.pages import draw_page, draw_pages
    from xec_analysis.profiles import Profile, profile
    from xec_analysis.results import Results, TaskResult, collect_results, load_results
    from xec_analysis.table import metric_rows, metrics_table


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

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "baselines": ["Baselines", "fit_baselines"],
        "display": ["Event", "draw_event", "find_event", "read_event"],
        "errors": ["AnalysisError"],
        "pages": ["draw_page", "draw_pages"],
        "profiles": ["Profile", "profile"],
        "results": ["Results", "TaskResult", "collect_results", "load_results"],
        "table": ["metric_rows", "metrics_table"],
    },
)
