from .__about__ import __version__ as __version__
from .detector.coordinates import (
    angles_to_direction as angles_to_direction,
    direction_to_angles as direction_to_angles,
    uvw_to_xyz as uvw_to_xyz,
    xyz_to_uvw as xyz_to_uvw,
)
from .detector.faces import face_ids as face_ids, face_of_sensor as face_of_sensor, index_map as index_map
from .detector.fiducial import FIDUCIAL as FIDUCIAL, in_fiducial as in_fiducial
from .detector.fingerprint import geometry_hash as geometry_hash
from .detector.geometry_file import load_geometry as load_geometry, read_survey as read_survey
from .detector.mirrors import (
    MIRRORS as MIRRORS,
    MirrorName as MirrorName,
    match_mirrored as match_mirrored,
    mirrored_sensors as mirrored_sensors,
    mirrored_vectors as mirrored_vectors,
)
from .detector.names import (
    FACES as FACES,
    GRIDS as GRIDS,
    LAYOUTS as LAYOUTS,
    FaceName as FaceName,
    GridName as GridName,
    Layout as Layout,
    SensorKind as SensorKind,
)
from .detector.parameters import N_SENSORS as N_SENSORS
from .detector.sensors import (
    sensor_areas as sensor_areas,
    sensor_kinds as sensor_kinds,
    sensor_normals as sensor_normals,
    sensor_positions as sensor_positions,
)
from .detector.survey import SensorTable as SensorTable, compare_survey as compare_survey
from .display.unroll import (
    unrolled_face_boxes as unrolled_face_boxes,
    unrolled_positions as unrolled_positions,
)
from .errors import GeometryError as GeometryError, XecError as XecError, did_you_mean as did_you_mean
from .grids.fine_grid import OuterFineGrid as OuterFineGrid, outer_fine_grid as outer_fine_grid
from .grids.hex_grid import (
    HEX_STEPS as HEX_STEPS,
    hex_cells as hex_cells,
    hex_edges as hex_edges,
    hex_positions as hex_positions,
    hex_rows as hex_rows,
)
from .solid_angles.sensors import solid_angle as solid_angle
