"""Export as a CSV table with one line per sensor."""

from __future__ import annotations

import csv
import io

from xec_geometry.detector.faces import face_of_sensor
from xec_geometry.detector.names import FACES, Layout
from xec_geometry.detector.sensors import sensor_areas, sensor_kinds
from xec_geometry.detector.survey import SensorTable

COLUMNS = ("sensor_id", "face", "kind", "x", "y", "z", "nx", "ny", "nz", "area")


def csv_table(layout: Layout, geometry: SensorTable) -> str:  # noqa: ARG001 - places do not depend on it
    """Return the sensors' faces, kinds, positions (cm), normals and active areas (cm²) as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    table = zip(
        face_of_sensor().tolist(),
        sensor_kinds().tolist(),
        geometry.positions.tolist(),
        geometry.normals.tolist(),
        sensor_areas().tolist(),
        strict=True,
    )
    for sensor, (face, kind, position, normal, area) in enumerate(table):
        writer.writerow([sensor, FACES[face], kind, *position, *normal, area])
    return text.getvalue()
