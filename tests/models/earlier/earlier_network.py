"""The networks of xec-ml-wl, written down once more from their description, without any of our modules.

Functions of a state dictionary in that system's names; plain torch operations, any precision.
"""

import torch
import torch.nn.functional as F

from xec_geometry import hex_edges, index_map, outer_fine_grid

SYSTEM = "xec-ml-wl"


def _linear(state, name, x):
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _norm(state, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


def _conv(state, name, x, **options):
    y = F.conv2d(x.permute(0, 3, 1, 2), state[f"{name}.weight"], state[f"{name}.bias"], **options)
    return y.permute(0, 2, 3, 1)


def _second_half(state, name, x, y, space):
    h = F.gelu(_linear(state, f"{name}.pwconv1", _norm(state, f"{name}.norm", y, 1e-6)))
    g = h.square().sum(space, keepdim=True).sqrt()
    h = (
        state[f"{name}.grn.gamma"] * (h * (g / (g.mean(-1, keepdim=True) + 1e-6)))
        + state[f"{name}.grn.beta"]
        + h
    )
    return x + _linear(state, f"{name}.pwconv2", h)


def _grid_block(state, name, x):
    y = _conv(state, f"{name}.dwconv", x, padding=3, groups=x.shape[-1])
    return _second_half(state, name, x, y, (1, 2))


def _hex_block(state, name, x):
    y = torch.zeros_like(x)
    for source, target, direction in hex_edges(SYSTEM).T.tolist():
        y[:, target] += state[f"{name}.spatial_conv.weight"][0, direction] * x[:, source]
    return _second_half(state, name, x, y + state[f"{name}.spatial_conv.bias"], (1,))


def _grid_token(state, prefix, face):
    start = f"{prefix}backbone."
    x = _norm(state, f"{start}stem.1", _conv(state, f"{start}stem.0", face, padding=1), 1e-6)
    for i in range(2):
        x = _grid_block(state, f"{start}stage1.{i}", x)
    x = _conv(state, f"{start}downsample.1", _norm(state, f"{start}downsample.0", x, 1e-6), stride=2)
    for i in range(3):
        x = _grid_block(state, f"{start}stage2.{i}", x)
    x = F.interpolate(x.permute(0, 3, 1, 2), size=(4, 4), mode="bilinear", align_corners=False)
    return x.flatten(1)


def _hex_token(state, prefix, x):
    start = f"{prefix}hex_encoder."
    x = F.gelu(_norm(state, f"{start}stem.1", _linear(state, f"{start}stem.0", x), 1e-5))
    for i in range(4):
        x = _hex_block(state, f"{start}layers.{i}", x)
    return _linear(state, f"{start}proj.1", _norm(state, f"{start}proj.0", x.mean(1), 1e-5))


def _fine_grid(x, pool):
    """Coarse counts over 15 cells, the centre patch over 6 each on top; then the mean of pooled cells."""
    coarse = x[:, torch.tensor(index_map("outer_coarse", SYSTEM))].clone()
    centre = x[:, torch.tensor(index_map("outer_center", SYSTEM))].clone()
    coarse[..., 0] /= 5 * 3
    centre[..., 0] /= 3 * 2
    fine = coarse.repeat_interleave(5, 1).repeat_interleave(3, 2)
    fine[:, 15:30, 30:42] = centre.repeat_interleave(3, 1).repeat_interleave(2, 2)
    assert fine.shape[1:3] == outer_fine_grid(layout=SYSTEM).shape
    if pool:
        fine = F.avg_pool2d(fine.permute(0, 3, 1, 2), pool).permute(0, 2, 3, 1)
    return fine


def encode(state, prefix, x, outer_mode="finegrid", pool=None, layers=2):
    """Tokens (B, tokens, D) of normalized readings (B, sensors, 2)."""
    faces = [x[:, torch.tensor(index_map(face, SYSTEM))] for face in ("inner", "us", "ds")]
    if outer_mode == "finegrid":
        faces.append(_fine_grid(x, pool))
    else:
        faces += [x[:, torch.tensor(index_map(face, SYSTEM))] for face in ("outer_coarse", "outer_center")]
    tokens = [_grid_token(state, prefix, face) for face in faces]
    tokens += [
        _hex_token(state, prefix, x[:, torch.tensor(index_map(face, SYSTEM))]) for face in ("top", "bottom")
    ]
    t = torch.stack(tokens, 1) + state[f"{prefix}pos_embed"]
    dim = t.shape[-1]
    for i in range(layers):
        name = f"{prefix}fusion_transformer.layers.{i}"
        weight, bias = (state[f"{name}.self_attn.in_proj_{part}"] for part in ("weight", "bias"))
        q, k, v = (
            part.unflatten(-1, (8, -1)).transpose(1, 2) for part in F.linear(t, weight, bias).chunk(3, -1)
        )
        mixed = torch.softmax(q @ k.transpose(-1, -2) / (dim // 8) ** 0.5, -1) @ v
        mixed = mixed.transpose(1, 2).flatten(2)
        t = _norm(state, f"{name}.norm1", t + _linear(state, f"{name}.self_attn.out_proj", mixed), 1e-5)
        hidden = F.gelu(_linear(state, f"{name}.linear1", t))
        t = _norm(state, f"{name}.norm2", t + _linear(state, f"{name}.linear2", hidden), 1e-5)
    return t


def head(state, task, tokens):
    """Raw numbers of one task."""
    start = f"heads.{task}."
    x = F.gelu(_norm(state, f"{start}1", _linear(state, f"{start}0", tokens.flatten(1)), 1e-5))
    return _linear(state, f"{start}6", F.gelu(_linear(state, f"{start}4", x)))


def decode_grid(state, name, token, shape):
    """(B, rows · columns, channels) of a rectangular face."""
    x = _linear(state, f"{name}.linear", token).unflatten(1, (-1, 4, 4))
    for i in (0, 3):
        weight, bias = (state[f"{name}.decoder.{i}.{part}"] for part in ("weight", "bias"))
        x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        weight, bias = (state[f"{name}.decoder.{i + 1}.{part}"] for part in ("weight", "bias"))
        x = F.gelu(F.layer_norm(x, x.shape[1:], weight, bias))
    weight, bias = (state[f"{name}.decoder.6.{part}"] for part in ("weight", "bias"))
    x = F.conv_transpose2d(x, weight, bias, padding=1)
    x = F.interpolate(x, size=shape, mode="bilinear", align_corners=False)
    return x.flatten(2).transpose(1, 2)


def decode_hex(state, name, token):
    """(B, nodes, channels) of a hexagonal face."""
    x = _linear(state, f"{name}.proj_in", token)[:, None] + state[f"{name}.pos_embed"]
    for i in range(2):
        x = _hex_block(state, f"{name}.blocks.{i}", x)
    return _linear(state, f"{name}.head.1", _norm(state, f"{name}.head.0", x, 1e-5))
