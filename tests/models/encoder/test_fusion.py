import torch
from torch import nn

from xec_models.encoder.fusion import Fusion


def test_same_numbers_as_torch():
    ours = Fusion(dim=64, heads=8, feedforward=100, layers=2).double()
    layer = nn.TransformerEncoderLayer(64, 8, 100, 0.1, activation="gelu", batch_first=True)
    theirs = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double()
    theirs.load_state_dict(ours.state_dict())
    tokens = torch.randn(3, 6, 64, dtype=torch.float64)
    torch.testing.assert_close(ours.eval()(tokens), theirs.eval()(tokens), rtol=1e-10, atol=1e-10)


def test_training_drops():
    fusion = Fusion(dim=16, heads=2, feedforward=32, layers=1).train()
    tokens = torch.randn(2, 6, 16)
    assert not torch.allclose(fusion(tokens), fusion(tokens))


def test_no_layers_change_nothing():
    tokens = torch.randn(2, 6, 16)
    assert torch.equal(Fusion(dim=16, heads=2, feedforward=32, layers=0)(tokens), tokens)
