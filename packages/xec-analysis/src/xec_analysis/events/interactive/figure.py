"""The figure of the page, empty: axes, faces, colour scales and traces, which the page fills by event."""

from __future__ import annotations

from typing import Any

from plotly import graph_objects as go

from xec_geometry import FACES, face_ids, index_map, unrolled_face_boxes, unrolled_positions
from xec_geometry.detector.faces import FACE_TABLE

# Of the two panels, left and right; the colour bars stand behind them.
_DOMAINS = ((0.0, 0.44), (0.54, 0.98))
_LABELS = ("photons", "time [ns]")
_SCALES = ("Viridis", "Plasma")

TRACES = ("inner", "pmts", "without", "dead", "halo", "marks")
"""The traces of each panel, from the lowest: a raster of SiPMs, discs of PMTs, those without a value, …"""


def empty_figure() -> dict[str, Any]:
    """Return the figure as plotly's JSON: twice `TRACES`, for photons and for times."""
    figure = go.Figure()
    grid = index_map("inner")
    places = unrolled_positions()[grid]
    for panel, suffix in enumerate(("", "2")):
        on = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "hoverinfo": "text", "showlegend": False}
        colors = f"coloraxis{suffix}"
        figure.add_trace(
            go.Heatmap(
                x=places[0, :, 0].round(3).tolist(),
                y=places[:, 0, 1].round(3).tolist(),
                coloraxis=colors,
                xgap=0.4,
                ygap=0.4,
                hoverongaps=True,
                name="inner",
                **{key: value for key, value in on.items() if key != "showlegend"},
            )
        )
        circle = {"symbol": "circle", "line": {"width": 0.5, "color": "#777"}}
        for name, marker in (
            ("pmts", circle | {"coloraxis": colors}),
            ("without", circle),
            ("dead", {"color": "#fff", "line": {"width": 1, "color": "#111"}}),
            ("halo", {"color": "#fff", "line": {"color": "#fff"}}),
            ("marks", {}),
        ):
            figure.add_trace(go.Scatter(x=[], y=[], mode="markers", marker=marker, name=name, **on))
            if name in ("halo", "marks"):
                figure.data[-1].hoverinfo = "skip"
        figure.update_layout(
            {
                colors: {
                    "colorscale": _SCALES[panel],
                    "colorbar": {
                        "title": {"text": _LABELS[panel], "side": "right"},
                        "x": _DOMAINS[panel][1] + 0.005,
                        "len": 0.8,
                        "thickness": 14,
                        "ticks": "outside",
                    },
                },
                f"xaxis{suffix}": _axis(panel, "x"),
                f"yaxis{suffix}": _axis(panel, "y"),
            }
        )
        _draw_faces(figure, f"x{suffix}", f"y{suffix}")
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        template="none",
        dragmode="zoom",
        hovermode="closest",
        # A disc beside a SiPM is not the SiPM.
        hoverdistance=1,
        hoverlabel={"align": "left"},
        uirevision="one",
    )
    answer: dict[str, Any] = figure.to_plotly_json()
    return answer


def pmt_ids() -> list[int]:
    """Return the ids of all PMTs."""
    return [int(i) for name in FACES if FACE_TABLE[name].kind == "PMT" for i in face_ids(name)]


def _axis(panel: int, name: str) -> dict[str, Any]:
    boxes = list(unrolled_face_boxes().values())
    axis: dict[str, Any] = {
        "visible": False,
        "constrain": "domain",
    }
    if name == "x":
        axis |= {"domain": _DOMAINS[panel]}
        axis["range"] = [min(box[0] for box in boxes) - 2, max(box[1] for box in boxes) + 2]
    else:
        axis["range"] = [min(box[2] for box in boxes) - 8, max(box[3] for box in boxes) + 8]
        axis["scaleanchor"] = "x" if panel == 0 else "x2"
        axis["anchor"] = "x" if panel == 0 else "x2"
    if panel == 1:
        axis["matches"] = name
    return axis


def _draw_faces(figure: go.Figure, x: str, y: str) -> None:
    for name, (x0, x1, y0, y1) in unrolled_face_boxes().items():
        figure.add_shape(
            type="rect", x0=x0, x1=x1, y0=y0, y1=y1, xref=x, yref=y, layer="below", line={"width": 1}
        )
        figure.add_annotation(
            x=(x0 + x1) / 2,
            y=y0 if name == "bottom" else y1,
            xref=x,
            yref=y,
            text=FACE_TABLE[name].title,
            showarrow=False,
            yanchor="top" if name == "bottom" else "bottom",
        )
