import pytest
import torch

from xec_models.encoder.outer_modes import token_faces
from xec_models.encoder.position_encodings import POSITION_ENCODINGS


@pytest.mark.parametrize("outer_mode", ["finegrid", "split"])
@pytest.mark.parametrize("name", list(POSITION_ENCODINGS))
def test_every_token_gets_its_own_vector(name, outer_mode):
    faces = token_faces(outer_mode)
    position = POSITION_ENCODINGS[name].build(faces, 64, "physical")()
    assert position.shape == (1, len(faces), 64)
    distances = torch.cdist(position[0], position[0]) + torch.eye(len(faces))
    assert distances.min() > 1e-3


def test_learnable_starts_small():
    embedding = POSITION_ENCODINGS["learnable"].build(token_faces("finegrid"), 1024, "physical")()
    assert 0.015 < embedding.std() < 0.025


def test_sines_and_cosines():
    embedding = POSITION_ENCODINGS["sinusoidal"].build(token_faces("finegrid"), 8, "physical")()
    assert embedding[0, 0].tolist() == [0, 1] * 4
    torch.testing.assert_close(
        embedding[0, 3, :2],
        torch.tensor([3.0, 3.0]).sin().lerp(torch.tensor([3.0, 3.0]).cos(), torch.tensor([0.0, 1.0])),
    )


def test_geometry_is_where_the_faces_stand():
    description = POSITION_ENCODINGS["geometric"].build(token_faces("finegrid"), 8, "physical").description
    faces = dict(zip(token_faces("finegrid"), description, strict=True))
    # Upstream is z < 0, downstream z > 0, top φ < 180° (y > 0); the inner face alone has SiPMs.
    assert faces["us"][2] < 0 < faces["ds"][2]
    assert faces["bottom"][1] < 0 < faces["top"][1]
    assert [face for face, row in faces.items() if row[4] > 0] == ["inner"]
    torch.testing.assert_close(description[:, 3:].sum(1), torch.ones(6))
