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
    from xec_analysis.inpainting_baselines import light_map, neighbour_average, solid_angle_weighted
    from xec_analysis.light_map_fit import LightMapFit, fit_light_map
    from xec_analysis.pages import draw_page, draw_pages
    from xec_analysis.profiles import Profile, profile
    from xec_analysis.results import Results, TaskResult, collect_results, load_results
    from xec_analysis.table import metric_rows, metrics_table


__all__ = [
    "AnalysisError",
    "Baselines",
    "Event",
    "LightMapFit",
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
    "fit_light_map",
    "light_map",
    "load_results",
    "metric_rows",
    "metrics_table",
    "neighbour_average",
    "profile",
    "read_event",
    "solid_angle_weighted",
]

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "baselines": ["Baselines", "fit_baselines"],
        "display": ["Event", "draw_event", "find_event", "read_event"],
        "errors": ["AnalysisError"],
        "inpainting_baselines": ["light_map", "neighbour_average", "solid_angle_weighted"],
        "light_map_fit": ["LightMapFit", "fit_light_map"],
        "pages": ["draw_page", "draw_pages"],
        "profiles": ["Profile", "profile"],
        "results": ["Results", "TaskResult", "collect_results", "load_results"],
        "table": ["metric_rows", "metrics_table"],
    },
)
