"""The table of stems: what its entries promise, and what the configuration makes of it."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch.nn import Linear

from xec_data.normalization.transforms import NormalizationConfig
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.kinds import MODEL_KINDS
from xec_models.checkpoint.writing import new_checkpoint
from xec_models.config.network import AutoencoderConfig, InpainterConfig, ModelConfig, RegressorConfig
from xec_models.encoder.face_backbone import FaceBackbone
from xec_models.encoder.stems import STEMS, Stem

SMALL = {"encoder_dim": 64, "num_fusion_layers": 0, "hidden_dim": 8, "outer_fine_pool": (9, 12)}


@pytest.mark.parametrize("name", STEMS)
def test_positions_are_those_of_the_module(name):
    stem = STEMS[name]
    module = stem.build(2, 4)
    for rows, columns in ((93, 44), (45, 72), (24, 6), (stem.fewest_cells, stem.fewest_cells + 1)):
        out = module(torch.zeros(1, rows, columns, 2))
        assert out.shape == (1, stem.positions(rows), stem.positions(columns), 4)


@pytest.mark.parametrize("name", STEMS)
def test_the_fewest_cells_are_enough_and_one_fewer_is_not(name):
    fewest = STEMS[name].fewest_cells
    backbone = FaceBackbone(64, stem=name)
    assert backbone(torch.randn(1, fewest, fewest, 2)).isfinite().all()
    with pytest.raises(RuntimeError):
        backbone(torch.randn(1, fewest - 1, fewest, 2))


def test_fewest_cells():
    assert {name: stem.fewest_cells for name, stem in STEMS.items()} == {"dense": 3, "patch": 4}


def test_a_patch_has_a_quarter_of_the_positions():
    dense, patch = (FaceBackbone(64, stem=name).features(torch.zeros(1, 93, 44, 2)) for name in STEMS)
    assert (dense.shape, patch.shape) == ((1, 46, 21, 4), (1, 23, 11, 4))


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (
            RegressorConfig,
            {"side_pool": (4, 2)},
            r"of the 24 rows and 6 columns .* 4 of each .* e.g. \[4, 1\]",
        ),
        (
            RegressorConfig,
            {"inner_pool": (31, 11)},
            r"at least 4 of each for the stem 'patch', e.g. \[3, 11\]",
        ),
        (RegressorConfig, {"inner_pool": (0, 2)}, r"inner_pool is \[0, 2\], .* e.g. \[1, 2\]"),
        (ModelConfig, {"outer_fine_pool": (12, 3)}, r"at least 4 of .* 45 rows .* 'patch', e.g. \[11, 3\]"),
    ],
)
def test_too_few_cells_for_a_stem_are_refused(config, values, message):
    with pytest.raises(ValidationError, match=message):
        config(stem="patch", **values)


def test_what_a_refusal_offers_is_taken():
    assert RegressorConfig(stem="patch", side_pool=(4, 1), inner_pool=(3, 11), outer_fine_pool=(11, 3))
    assert RegressorConfig(side_pool=(4, 2), inner_pool=(31, 11), outer_fine_pool=(15, 3))


def test_a_stem_that_leaves_nothing_of_a_face_is_refused():
    far = Stem("far", Linear, lambda cells: cells // 8, "every eighth cell")
    STEMS.register(far)
    try:
        with pytest.raises(ValidationError, match="which needs 16 rows and columns, but the face us has 24"):
            ModelConfig(stem="far")
    finally:
        STEMS.unregister("far")


def _of_config(kind, config, network, **changes):
    model = {**config.model_dump(mode="json"), **changes}
    sections = {
        "model": {name: value for name, value in model.items() if value is not None},
        "normalization": NormalizationConfig().model_dump(mode="json"),
    }
    return new_checkpoint(kind, sections, NetworkWeights(network.state_dict()))


@pytest.mark.parametrize(("kind", "form"), [("mae", AutoencoderConfig), ("inpainter", InpainterConfig)])
def test_a_checkpoint_tells_its_stem_and_one_that_does_not_is_dense(kind, form, raw_events):
    config = form(**SMALL, stem="patch")
    network = MODEL_KINDS[kind].network(config, NormalizationConfig()).eval()
    again = build_model(_of_config(kind, config, network))
    unstated = build_model(_of_config(kind, config, network, stem=None))
    assert (again.model_config.stem, unstated.model_config.stem) == ("patch", "dense")
    with torch.no_grad():
        x = network.encoder.normalizer(*raw_events(2))
        tokens = [model.encoder(x) for model in (network, again, unstated)]
    assert torch.equal(tokens[0], tokens[1])
    assert not torch.allclose(tokens[0], tokens[2])


@pytest.mark.parametrize("name", STEMS)
def test_gradients_reach_the_stem_under_a_mask(name):
    backbone = FaceBackbone(64, stem=name).double()
    x = torch.randn(2, 9, 8, 2, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(2, 9, 8) < 0.3
    backbone(x, mask).square().sum().backward()
    assert (x.grad[mask] == 0).all()
    assert all(parameter.grad.abs().max() > 0 for parameter in backbone.stem.parameters())
