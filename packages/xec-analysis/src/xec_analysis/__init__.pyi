from .__about__ import __version__ as __version__
from .errors import AnalysisError as AnalysisError
from .estimators.baselines import Baselines as Baselines, fit_baselines as fit_baselines
from .estimators.light_map_fit import LightMapFit as LightMapFit, fit_light_map as fit_light_map
from .events.display import draw_event as draw_event
from .events.event import Event as Event, find_event as find_event, read_event as read_event
from .inpainting.baselines import (
    light_map as light_map,
    neighbour_average as neighbour_average,
    solid_angle_weighted as solid_angle_weighted,
)
from .resolution.loading import load_results as load_results
from .resolution.pages import draw_page as draw_page, draw_pages as draw_pages
from .resolution.profiles import Profile as Profile, profile as profile
from .resolution.results import (
    Results as Results,
    TaskResult as TaskResult,
    collect_results as collect_results,
)
from .resolution.table import metric_rows as metric_rows, metrics_table as metrics_table
