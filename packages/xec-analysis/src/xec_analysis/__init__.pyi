from .__about__ import __version__ as __version__
from .comparison.program import Comparison as Comparison, compare_runs as compare_runs
from .errors import AnalysisError as AnalysisError
from .estimators.baselines import Baselines as Baselines, fit_baselines as fit_baselines
from .estimators.point_fit import fit_point_events as fit_point_events
from .events.display import draw_event as draw_event
from .events.estimate import Estimate as Estimate
from .events.event import Event as Event, find_event as find_event, read_event as read_event
from .fitting.line_fit import LineFit as LineFit, fit_line as fit_line
from .fitting.line_models import LineModel as LineModel, ShapeParameter as ShapeParameter
from .inpainting.comparison import (
    ComparisonOptions as ComparisonOptions,
    InpaintingComparison as InpaintingComparison,
    compare_inpainting as compare_inpainting,
    write_comparison as write_comparison,
)
from .likelihood.cramer_rao_bound import PointBound as PointBound, cramer_rao_bound as cramer_rao_bound
from .likelihood.readout_model import ReadoutModel as ReadoutModel
from .metrics.binning import BinRequest as BinRequest
from .metrics.content import Metrics as Metrics
from .metrics.files import read_metrics_file as read_metrics_file, write_metrics as write_metrics
from .metrics.measurement import measure as measure
from .plots.plot_sets import PlotSet as PlotSet, draw_plots as draw_plots
from .plots.source import PlotSource as PlotSource
from .resolution.collecting import collect_results as collect_results
from .resolution.loading import load_results as load_results
from .resolution.pages import Page as Page, draw_page as draw_page, draw_pages as draw_pages
from .resolution.results import Results as Results, TaskResult as TaskResult
from .resolution.sheets import Panel as Panel, Sheet as Sheet
from .resolution.table import metric_rows as metric_rows, metrics_table as metrics_table
