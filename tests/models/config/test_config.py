import pytest
import torch
from pydantic import BaseModel, ValidationError

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS
from xec_models.config.network import ModelConfig, TaskConfig, TaskTable, enabled_tasks, resolve_tasks
from xec_models.encoder.encoder import XECEncoder
from xec_models.errors import ModelError


def test_defaults_are_those_users_know():
    config = ModelConfig()
    assert (config.encoder_dim, config.hidden_dim, config.num_fusion_layers) == (1024, 256, 2)
    assert config.feedforward == 4 * config.encoder_dim
    assert ModelConfig(dim_feedforward=100).feedforward == 100


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder_dim": 100}, "encoder_dim is 100, expected a multiple of 32 .nearest: 96"),
        (
            {"outer_fine_pool": [16, 3]},
            r"outer_fine_pool is \[16, 3\], expected numbers that leave at least 3 .* 45 rows",
        ),
        ({"outer_fine_pool": [3, 3], "outer_mode": "split"}, "needs outer_mode 'finegrid', found 'split'"),
        ({"outer_mode": "fine_grid"}, "unknown outer_mode 'fine_grid'.*did you mean 'finegrid'"),
        ({"hex_conv": "atention"}, "unknown hex_conv.*'attention'"),
        ({"layout": "phys"}, "expected one of physical, xec-ml-wl"),
        ({"position": ["learnable"]}, "unknown position"),
        ({"encoder_dims": 64}, "encoder_dims"),
        ({"drop_path_rate": 1.0}, "less than 1"),
    ],
)
def test_wrong_shapes_of_a_network_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig(**values)


def test_tasks_are_completed_in_order():
    resolved = resolve_tasks({"uvwFI": TaskConfig(), "angle": TaskConfig(loss_fn="l1", loss_beta=0.0)})
    assert list(resolved) == ["angle", "uvwFI"]
    assert (resolved["uvwFI"].loss_fn, resolved["uvwFI"].loss_beta) == ("mse", 1.0)
    assert (resolved["angle"].loss_fn, resolved["angle"].loss_beta) == ("l1", 0.0)


def test_beta_is_that_of_the_loss_unless_it_is_stated():
    chosen = {"energy": "student_t", "timing": "gaussian_nll", "angle": None}
    resolved = resolve_tasks({name: TaskConfig(loss_fn=loss) for name, loss in chosen.items()})
    assert {name: task.loss_beta for name, task in resolved.items()} == {
        "angle": 1.0, "energy": 4.0, "timing": 0.5
    }  # fmt: skip
    stated = resolve_tasks({"energy": TaskConfig(loss_fn="student_t", loss_beta=7.0)})
    assert stated["energy"].loss_beta == 7.0


def test_every_mistake_in_the_tasks_is_reported_at_once():
    tasks = {
        "angel": TaskConfig(),
        "energy": TaskConfig(loss_fn="gausian_nll"),
        "uvwFI": TaskConfig(log_transform=True),
    }
    with pytest.raises(ValueError, match=r"'angle'.*'gaussian_nll'.*uvwFI\.log_transform"):
        resolve_tasks(tasks)

    class Sections(BaseModel):
        tasks: TaskTable

    with pytest.raises(ValidationError, match=r"'angle'.*'gaussian_nll'"):
        Sections(tasks=tasks)


def test_enabled_tasks():
    assert list(enabled_tasks({"angle": TaskConfig(), "energy": TaskConfig(enabled=False)})) == ["angle"]
    with pytest.raises(ModelError, match="no task is enabled"):
        enabled_tasks({"angle": TaskConfig(enabled=False)})


def test_every_field_says_what_it_is():
    for config in (ModelConfig, TaskConfig):
        assert all(field.description for field in config.model_fields.values())
    assert set(TASKS) == {"angle", "energy", "timing", "uvwFI", "angleVec", "n_gamma"}


@pytest.mark.parametrize("encoder_dim", [32, 64])
def test_a_face_of_one_channel_is_blind(encoder_dim: int) -> None:
    config = ModelConfig(encoder_dim=encoder_dim, num_fusion_layers=0, outer_fine_pool=(3, 3))
    encoder = XECEncoder(config, NormalizationConfig()).eval()
    readings = torch.rand(2, N_SENSORS, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = encoder(readings)
    differs = dict(zip(encoder.faces, (first != second).any(dim=1).tolist(), strict=True))
    assert differs["top"]
    assert differs["inner"] == config.sees_rectangular_faces == (encoder_dim > 32)
