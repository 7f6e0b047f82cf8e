"""Reading configurations: the template, the command line, and every error at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from xec_geometry.cli.application import main
from xec_train.commands.train import train as train_command
from xec_train.config.arguments import parse_arguments
from xec_train.config.flags import FLAGS
from xec_train.config.keys import all_keys, expectation, objectives_with
from xec_train.config.loading import load_command_line, load_config
from xec_train.config.template import default_config, resolved, template
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import read_yaml, write_yaml
from xec_train.errors import ConfigError
from xec_train.objectives.table import OBJECTIVES

MINIMAL = "data:\n  train_path: a.root\n  val_path: b.root\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_file(text: str) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value).splitlines()


def value(config: TrainConfig, key: str) -> object:
    data: object = config.model_dump(mode="json")
    for part in key.split("."):
        assert isinstance(data, dict)
        data = data[part]
    return data


class TestTemplate:
    def test_reading_it_gives_the_defaults(self, write: Callable[[str], Path]) -> None:
        assert load_config(write(template())).config == default_config()
        minimal = "data: {train_path: train.root, val_path: val.root}"
        # A file that does not state them, such as one of an earlier version, means no anchor and no window.
        plain = load_config(
            write(minimal + "\nmodel: {anchor: light, window: [20, 20]}\ntraining: {ema_warmup: true}")
        ).config
        assert plain == default_config()
        assert load_config(write(minimal)).config.model.anchor == "none"

    def test_choices_are_listed_once_and_whole(self) -> None:
        text = template()
        assert "# Unit of emiAng in the files; auto compares it with emiVec; one of auto, deg, rad\n" in text
        assert "# Index maps and neighbours: physical, or xec-ml-wl of the earlier system\n" in text
        assert expectation("model.predict_channels", "mae") == "a list, each one of npho, time"

    def test_what_cannot_be_chosen_is_not_shown_but_read(self, write: Callable[[str], Path]) -> None:
        assert template().count("log_transform:") == 1
        older = f"{MINIMAL}tasks: {{uvwFI: {{enabled: true, log_transform: false}}}}"
        assert not load_config(write(older)).config.enabled_tasks["uvwFI"].log_transform

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_it_names_every_key_with_its_meaning(self, objective: str) -> None:
        lines = template(objective).splitlines()
        for key in all_keys(objective).values():
            assert key.field.description, key.path
            assert any(line.strip().removeprefix("# ").startswith(f"{key.name}:") for line in lines), key.path

    def test_another_preset_has_its_effect(self, write: Callable[[str], Path]) -> None:
        text = template().replace("preset: default", "preset: legacy")
        assert load_config(write(text)).config.normalization.npho_scale == 0.58

    def test_a_resolved_configuration_reads_back(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(MINIMAL), ["model.outer_fine_pool=[3, 3]", "training.lr=1e-5"]).config
        text = resolved(config)
        assert load_config(write(text)).config == config
        # Others read it with plain PyYAML.
        assert yaml.safe_load(text) == config.model_dump(mode="json")


class TestValues:
    @pytest.mark.parametrize(
        ("text", "expected"), [("1e-4", 1e-4), ("2E-3", 2e-3), ("1.e-4", 1e-4), (".5", 0.5), ("1", 1.0)]
    )
    def test_numbers_as_people_write_them(
        self, write: Callable[[str], Path], text: str, expected: float
    ) -> None:
        path = write(f"{MINIMAL}training: {{lr: {text}}}")
        assert load_config(path).config.training.lr == expected
        assert load_config(write(MINIMAL), [f"training.lr={text}"]).config.training.lr == expected

    @pytest.mark.parametrize("name", ["007", "2026-11-21", "1e3", "off", "12:30"])
    def test_names_stay_as_they_are_typed(self, write: Callable[[str], Path], name: str) -> None:
        assert load_config(write(MINIMAL), [f"mlflow.run_name={name}"]).config.mlflow.run_name == name

    @pytest.mark.parametrize(
        "name", ["~", "test #3", "a: b", "'quoted'", "{x}", "# no comment", "- 1", "&a", ""]
    )
    def test_text_is_not_interpreted(self, write: Callable[[str], Path], name: str) -> None:
        assert load_config(write(MINIMAL), [f"mlflow.run_name={name}"]).config.mlflow.run_name == name

    @pytest.mark.parametrize(
        "name", ["1e5", "08", "1.e3", ".5", "010", "off", "~", "2026-11-21", "1:30", "0x1F"]
    )
    def test_text_that_looks_like_a_number_is_read_again_as_it_was(
        self, write: Callable[[str], Path], name: str
    ) -> None:
        config = load_config(write(MINIMAL), [f"mlflow.run_name={name}"]).config
        text = resolved(config)
        assert load_config(write(text)).config.mlflow.run_name == name
        # Others read it by the rules of YAML 1.1.
        assert yaml.safe_load(text)["mlflow"]["run_name"] == name

    def test_a_word_of_several_lines_is_told_in_one(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError) as raised:
            load_config(write(MINIMAL), ["a\nb\x85c"])
        assert len(str(raised.value).splitlines()) == 1

    def test_a_path_is_taken_as_it_stands(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        monkeypatch.setenv("DATA", "/data")
        for text, expected in (
            ("/data/run #5/x.root", ["/data/run #5/x.root"]),
            ("~/x.root", ["/home/me/x.root"]),
            ("$DATA/a$b.root", ["/data/a$b.root"]),
            ("[${DATA}/a.root, b.root]", ["/data/a.root", "b.root"]),
        ):
            assert load_config(write(MINIMAL), [f"data.train_path={text}"]).config.data.train_path == expected
        home = load_config(write(MINIMAL), ["export.onnx=~/a.onnx", "mlflow.tracking_uri=~/mlruns"]).config
        assert value(home, "export.onnx") == "/home/me/a.onnx"
        assert home.mlflow.tracking_uri == "/home/me/mlruns"
        path = write(f"{MINIMAL}geometry: ~/built.txt\ncheckpoint: {{save_dir: ~/runs}}")
        assert load_config(path).config.geometry == "/home/me/built.txt"
        assert load_config(path).config.checkpoint.save_dir == "/home/me/runs"

    def test_null_is_nothing_where_that_is_allowed(self, write: Callable[[str], Path]) -> None:
        assert load_config(write(MINIMAL), ["mlflow.run_name=null"]).config.mlflow.run_name is None
        assert load_config(write(MINIMAL), ["data.tree_name=null"]).config.data.tree_name == "null"

    def test_the_name_of_a_run_may_hold_variables(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLURM_JOB_ID", "17")
        config = load_config(write(MINIMAL), ["mlflow.run_name=scan_${SLURM_JOB_ID}"]).config
        assert config.mlflow.run_name == "scan_17"
        with pytest.raises(ConfigError, match=r"run_name: .*the environment variable NOTHING is not set"):
            load_config(write(MINIMAL), ["mlflow.run_name=${NOTHING}"])

    def test_an_address_that_is_none(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError, match=r"mlflow\.tracking_uri: .*no address: Invalid IPv6 URL"):
            load_config(write(MINIMAL), ["mlflow.tracking_uri=http://["])

    @pytest.mark.parametrize("seed", ["99999999999999999999", "-1"])
    def test_seeds_that_no_generator_takes(self, write: Callable[[str], Path], seed: str) -> None:
        with pytest.raises(ConfigError, match=r"training\.seed: "):
            load_config(write(MINIMAL), [f"training.seed={seed}"])

    def test_patterns_need_no_quotes(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(MINIMAL), ["data.train_path=*.root"]).config
        assert config.data.train_path == ["*.root"]

    @pytest.mark.parametrize("text", ["null", "-1"])
    def test_no_average(self, write: Callable[[str], Path], text: str) -> None:
        assert load_config(write(MINIMAL), ["--ema_decay", text]).config.training.ema_decay is None

    def test_second_name_of_the_schedule(self, write: Callable[[str], Path]) -> None:
        path = write(f"{MINIMAL}training: {{lr_scheduler: none}}")
        assert load_config(path).config.training.scheduler == "none"
        assert load_config(path, ["training.scheduler=cosine"]).config.training.scheduler == "cosine"

    @pytest.mark.parametrize(
        ("text", "mode"), [("none", "off"), ("false", "off"), ("null", "off"), ("true", "auto")]
    )
    def test_modes_of_compiling_as_people_write_them(
        self, write: Callable[[str], Path], text: str, mode: str
    ) -> None:
        path = write(f"{MINIMAL}training: {{compile: {text}, lr_scheduler: null}}")
        config = load_config(path).config.training
        assert (config.compile, config.scheduler) == (mode, "none")
        assert load_config(write(MINIMAL), [f"training.compile={text}"]).config.training.compile == mode

    def test_an_empty_section_is_one_of_defaults(self, write: Callable[[str], Path]) -> None:
        assert (
            load_config(write(f"{MINIMAL}training:\n  # lr: 1\n")).config
            == load_config(write(MINIMAL)).config
        )

    def test_deprecated_branch_gets_a_note(self, write: Callable[[str], Path]) -> None:
        (note,) = load_config(write(MINIMAL), ["--npho-branch", "relative_npho"]).notes
        assert note.startswith("data.npho_branch: relative_npho is deprecated")

    def test_defaults_of_a_task_come_from_the_task(self, write: Callable[[str], Path]) -> None:
        config = load_config(write(MINIMAL), ["tasks.uvwFI.enabled=true", "tasks.energy.weight=2"]).config
        assert list(config.enabled_tasks) == ["angle", "uvwFI"]
        assert config.enabled_tasks["uvwFI"].loss_fn == "mse"


FLAG_VALUES = {
    "train_path": ["x.root", "y.root"], "val_path": ["x.root", "y.root"], "batch": 8, "chunksize": 99,
    "npho_branch": "n", "time_branch": "t", "geometry": "built.txt",
    "npho_scheme": "sqrt", "npho_scale": 2.5, "npho_scale2": 1.5,
    "time_scale": 1e-7, "time_shift": 0.25, "sentinel_value": -5.0, "outer_mode": "split", "epochs": 3,
    "lr": 1e-5, "weight_decay": 0.5, "warmup_epochs": 1.0, "ema_decay": 0.5, "grad_clip": 2.0,
    "grad_accum_steps": 4, "loss_type": "l1", "loss_beta": 0.5, "resume_from": "auto", "onnx": "m.onnx",
    "reweight_mode": "phi", "mask_ratio": 0.25, "lr_scheduler": "plateau", "encoder_dim": 64, "run_name": "7",
    "refresh_lr": True,
}  # fmt: skip


class TestFlags:
    @pytest.mark.parametrize("name", FLAG_VALUES)
    @pytest.mark.parametrize("dash", ["-", "_"])
    def test_each_sets_its_keys(self, write: Callable[[str], Path], name: str, dash: str) -> None:
        wanted, flag = FLAG_VALUES[name], "--" + name.replace("_", dash)
        texts = (
            [str(item) for item in wanted] if isinstance(wanted, list) else [str(wanted).replace("T", "t")]
        )
        ways = [[flag, *texts]] if len(texts) > 1 else [[flag, *texts], [f"{flag}={texts[0]}"]]
        for words in ways:
            objective = objectives_with(FLAGS[name].keys[0])[0]
            path = write(f"objective: {objective}\n{MINIMAL}")
            config = load_command_line([*words, str(path)]).config
            for key in FLAGS[name].keys:
                assert value(config, key) == wanted

    def test_every_flag_is_tried_and_in_the_help(self) -> None:
        assert {*FLAG_VALUES, "tasks", "outer_fine_pool", "use_scheduler"} == set(FLAGS)
        for name in FLAGS:
            assert f"--{name.replace('_', '-')}" in (train_command.__doc__ or "")

    def test_tasks_enables_these_only(self, write: Callable[[str], Path]) -> None:
        words = ["--tasks", "energy", "timing", "training.epochs=2", str(write(MINIMAL))]
        assert list(load_command_line(words).config.enabled_tasks) == ["energy", "timing"]

    def test_words_in_any_order(self, write: Callable[[str], Path]) -> None:
        path = str(write(MINIMAL))
        for words in ([path, "--lr", "1", "data.batch_size=2"], ["data.batch_size=2", "--lr=1", path]):
            config = load_command_line(words).config
            assert (config.training.lr, config.data.batch_size) == (1.0, 2)

    def test_flags_of_the_earlier_system(self, write: Callable[[str], Path]) -> None:
        mae = str(write(f"objective: mae\n{MINIMAL}"))
        words = [
            "--config",
            mae,
            "--train_root",
            "c.root",
            "--batch_size",
            "32",
            "--outer_fine_pool",
            "3",
            "3",
        ]
        config = load_command_line([*words, "--refresh_lr", "--use_scheduler", "1"]).config
        assert config.data.train_path == ["c.root"]
        assert (config.data.batch_size, config.model.outer_fine_pool) == (32, (3, 3))
        assert config.checkpoint.refresh_lr
        assert config.training.scheduler == "none"
        assert load_command_line([mae, "--use_scheduler=-1"]).config.training.scheduler == "cosine"
        assert not load_command_line([mae, "--refresh_lr", "false"]).config.checkpoint.refresh_lr

    @pytest.mark.parametrize(
        ("words", "answer"),
        [
            (["--NphoScale", "1e5"], "--NphoScale: it multiplied .* --npho-scale 1e-05 is the same"),
            (["--time_scale", "2.32e6"], r"normalization\.time_scale: .* time_scale 4\.31e-07"),
            (["--root", "a.root"], "--root: .* --train-path, --val-path"),
            (["--model", "convnextv2"], "--model: there is one network"),
            (["--save_path", "a.pth"], r"--save_path: checkpoints go to checkpoint\.save_dir"),
            (["distributed.num_gpus=4"], r"num_gpus: no key of xec: 'torchrun --nproc-per-node=N"),
        ],
    )
    def test_flags_with_another_meaning_are_answered(
        self, write: Callable[[str], Path], words: list[str], answer: str
    ) -> None:
        with pytest.raises(ConfigError, match=answer):
            load_command_line([str(write(MINIMAL)), *words])

    def test_second_names_of_the_earlier_system(self, write: Callable[[str], Path]) -> None:
        path = write(
            f"objective: inpainting\n{MINIMAL}normalization: {{sentinel_value: -5.0}}\n"
            "training: {batch_size: 8, mae_checkpoint: ~/a.pth, lr_scheduler: null}\n"
            "model: {head_type: cross_attention}\ncheckpoint: {resume_from: null, save_predictions: true}\n"
        )
        config = load_config(path).config
        assert (config.normalization.sentinel_npho, config.normalization.sentinel_time) == (-5.0, -5.0)
        assert config.data.batch_size == 8
        assert config.checkpoint.resume_from == str(Path("~/a.pth").expanduser())
        assert (config.model.head, config.training.scheduler) == ("cross_attention", "none")
        assert config.checkpoint.n_predictions == float("inf")
        assert load_config(path, ["normalization.sentinel_value=-2"]).config.normalization.sentinel_npho == -2

    def test_negative_numbers_are_values(self) -> None:
        (assignment,) = parse_arguments(["--time_shift", "-0.46"]).assignments
        assert assignment.value == -0.46


class TestErrors:
    def test_all_at_once_with_value_expectation_and_nearest_key(self, write: Callable[[str], Path]) -> None:
        path = write(
            "data: {train_path: a.root, batchsize: 3, num_workers: many}\n"
            "training: {epochs: ten, lr: 0, scheduler: cosin}\n"
            "tasks: {enegy: {enabled: true}}\n"
            "model: {encoder_dim: 100}\n"
            "batch: 3\n"
        )
        head, *lines = problems(path, "--epoch", "3", "mlflow.runname=x")
        assert head == f"{path}: 11 problems"
        assert {line.strip() for line in lines} == {
            (
                "command line: --epoch: unknown flag (did you mean 'epochs'?); "
                "any key can be given as section.key=value"
            ),
            "data.val_path: missing; expected ROOT files to validate on: a file, folder, glob or list",
            "data.batchsize: unknown key (did you mean 'data.batch_size'?)",
            "data.num_workers: found 'many', expected auto or an integer ≥ 0",
            "training.epochs: found 'ten', expected an integer ≥ 1",
            "training.lr: found 0, expected a number > 0",
            (
                "training.scheduler: found 'cosin', expected one of cosine, cosine_restarts, onecycle, "
                "plateau, none (did you mean 'cosine'?)"
            ),
            "tasks.enegy: unknown key (did you mean 'tasks.energy'?)",
            "model.encoder_dim: encoder_dim is 100, expected a multiple of 32 (nearest: 96)",
            "batch: unknown key (did you mean 'data.batch_size'?)",
            "command line: mlflow.runname: unknown key (did you mean 'mlflow.run_name'?)",
        }

    @pytest.mark.parametrize(
        ("override", "expected"),
        [
            ("training.amp=maybe", "training.amp: found 'maybe', expected true or false"),
            ("training.ema_decay=1", "training.ema_decay: found 1, expected a number < 1 or null"),
            ("data.fiducial=3", "data.fiducial: found 3, expected a section with keys"),
            ("data.fiducial.umax=3", "data.fiducial.umax: unknown key (did you mean 'data.fiducial.u_max'?)"),
            ("model.outer_fine_pool=3", "model.outer_fine_pool: found 3, expected a list of 2: "),
            ("tasks.angle.enabled=false", "tasks: no task is enabled, expected at least one of"),
            ("tasks.energy.loss_fn=cosine", "tasks.energy.loss_fn: found 'cosine', expected one of"),
            ("tasks.angle.log_transform=true", "tasks.angle.log_transform: found true, expected false"),
            ("training.lr=1e-7", "training: lr_min is 1e-06, expected at most lr, 1e-07"),
            ("loss_balance=atuo", "loss_balance: found 'atuo', expected one of manual, auto (did you mean"),
            ("reweighting.angel.nbin=3", "reweighting.angel: unknown key (did you mean 'reweighting.angle'"),
            ("reweighting.uvwFI.nbin=3", "reweighting.uvwFI.nbin: unknown key (did you mean 'reweighting."),
            ("--reweight_mode=thta", "reweighting.angle.mode: found 'thta', expected one of theta, phi, "),
            ("reweighting.angle.nbins_2d=[0, 3]", "reweighting.angle.nbins_2d"),
            ("epochs=3", "epochs: unknown key (did you mean 'training.epochs'?)"),
            ("data.angle_unit=grad", "data.angle_unit: found 'grad', expected one of auto, deg, rad"),
            ("data.train_path=[]", "data.train_path: found [], expected text or a list of it"),
        ],
    )  # fmt: skip
    def test_one(self, write: Callable[[str], Path], override: str, expected: str) -> None:
        (line,) = problems(write(MINIMAL), override)
        assert line.startswith(f"command line: {expected}")

    def test_what_is_wrong_in_the_file_stays_its_fault(self, write: Callable[[str], Path]) -> None:
        path = write(f"{MINIMAL}training: {{epochs: ten}}\n")
        (line,) = problems(path, "training.lr=1e-3")
        assert line.startswith(f"{path}: training.epochs: found 'ten'")
        (line,) = problems(path, "training.epochs=zehn")
        assert line.startswith("command line: training.epochs: found 'zehn'")
        head, *lines = problems(path, "training.lr=0")
        assert head == f"{path}: 2 problems"
        assert [text.strip().split(": found")[0] for text in lines] == [
            "training.epochs",
            "command line: training.lr",
        ]

    @pytest.mark.parametrize(
        "words",
        [["--lr", "1", "training.lr=1"], ["training.scheduler=none", "training.lr_scheduler=none"]],
    )
    def test_two_spellings_of_one_key(self, write: Callable[[str], Path], words: list[str]) -> None:
        (line,) = problems(write(MINIMAL), *words)
        assert "given twice, as " in line
        assert " and as training." in line

    def test_two_spellings_in_the_file(self, write: Callable[[str], Path]) -> None:
        (line,) = problems(write(f"{MINIMAL}training: {{scheduler: none, lr_scheduler: none}}"))
        assert "training.scheduler and as training.lr_scheduler" in line

    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("data:\n  train_path: [a.root\n  val_path: b\n", "line 3, column "),
            ("data:\n\ttrain_path: a\n", "tabs cannot indent YAML"),
            (f"{MINIMAL}training:\n  lr: 1\n  n: 2\n  lr: 3\n", "line 7, column 3: not valid YAML: the key"),
        ],
    )  # fmt: skip
    def test_broken_yaml_names_the_line(self, write: Callable[[str], Path], text: str, where: str) -> None:
        (line,) = problems(write(text))
        assert where in line

    def test_not_a_mapping(self, write: Callable[[str], Path]) -> None:
        assert "expected sections" in problems(write("just words"))[0]

    def test_no_such_file(self, tmp_path: Path, write: Callable[[str], Path]) -> None:
        write(MINIMAL)
        (line,) = problems(tmp_path / "rum.yaml")
        assert "no such configuration file" in line
        assert "did you mean 'run.yaml'" in line

    @pytest.mark.parametrize("words", [[], ["a.yaml", "b.yaml"]])
    def test_exactly_one_file(self, words: list[str]) -> None:
        with pytest.raises(ConfigError, match="expected one configuration file, found"):
            load_command_line(words)


class TestCommands:
    def run(self, *words: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(list(words))
        return int(caught.value.code or 0)

    def test_new_check_show(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = str(tmp_path / "new.yaml")
        assert self.run("config", "new", "-o", path) == 0
        assert self.run("config", "check", path) == 0
        assert "tasks: angle" in capsys.readouterr().out
        assert self.run("config", "show", path, "--lr", "1e-5", "training.epochs=3") == 0
        shown = yaml.safe_load(capsys.readouterr().out)
        assert (shown["training"]["lr"], shown["training"]["epochs"]) == (1e-5, 3)

    def test_new_keeps_what_is_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text("precious")
        assert self.run("config", "new", "-o", str(path)) == 2
        assert path.read_text() == "precious"
        assert "exists" in capsys.readouterr().err

    def test_check_reports_and_exits_with_2(
        self, write: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run("config", "check", str(write(MINIMAL)), "training.epoch=1", "--lr", "0") == 2
        error = capsys.readouterr().err
        assert "xec: error: " in error
        assert "2 problems" in error

    def test_schema_describes_every_section(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("config", "schema") == 0
        schema = json.loads(capsys.readouterr().out)
        sections = [set(form["properties"]) for form in schema["anyOf"]]
        assert sections == [set(entry.config_class.model_fields) for entry in OBJECTIVES.values()]
        assert schema["$defs"]["TrainingConfig"]["properties"]["lr"]["default"] == 3e-4
        assert schema["$defs"]["ReconstructionTrainingConfig"]["properties"]["ema_decay"]["default"] is None

    def test_help_and_package_are_light(self) -> None:
        code = (
            "import sys, xec_train, xec_train.commands.train, xec_train.commands.config\n"
            "heavy = {'torch', 'mlflow', 'uproot', 'lightning_fabric', 'pydantic', 'rich.progress'}\n"
            "print(sorted(heavy & set(sys.modules)))"
        )
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "[]"

    def test_the_model_of_a_configuration_reads_no_files_of_events(self) -> None:
        code = (
            "import sys, xec_train.config.train_config\n"
            "print(sorted({'torch', 'uproot', 'sqlalchemy'} & set(sys.modules)))"
        )
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "[]"


class TestObjectives:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_a_new_file_is_one_of_its_objective(
        self, write: Callable[[str], Path], objective: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = template(objective)
        config = load_config(write(text)).config
        assert type(config) is OBJECTIVES[objective].config_class
        assert config == default_config(objective)
        assert load_config(write(resolved(config))).config == config

    def test_defaults_that_differ(self) -> None:
        mae, inpainting = default_config("mae"), default_config("inpainting")
        assert (mae.model.mask_ratio, inpainting.model.mask_ratio) == (0.6, 0.05)
        assert (mae.training.loss_beta, inpainting.training.loss_beta) == (1.0, 0.1)
        assert mae.training.ema_decay is None
        assert mae.training.time.npho_threshold == 100

    def test_unknown_objective(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(
            ConfigError, match=r"found 'mea', expected one of regression, mae, inpainting .did you mean 'mae'"
        ):
            load_config(write(MINIMAL), ["objective=mea"])
        with pytest.raises(ConfigError, match="did you mean 'inpainting'"):
            template("inpaint")

    def test_keys_of_another_objective(self, write: Callable[[str], Path]) -> None:
        path = write(
            f"objective: mae\n{MINIMAL}tasks: {{angle: {{enabled: true}}}}\nmodel: {{head: per_face}}"
        )
        with pytest.raises(ConfigError) as error:
            load_config(path, ["--mask-ratio", "2", "training.npho_wight=1"])
        text = str(error.value)
        assert "tasks: found objective: mae, expected regression: only these have this key" in text
        assert "model.head: found objective: mae, expected inpainting" in text
        assert "model.mask_ratio: found 2, expected a number > 0 and < 1" in text
        assert "training.npho_wight: unknown key (did you mean 'training.npho_weight'?)" in text

    def test_flat_keys_of_older_files(self, write: Callable[[str], Path]) -> None:
        older = "training: {time_mask_ratio_scale: 2.0, npho_threshold: 50, use_npho_time_weight: false}"
        loaded = load_config(write(f"objective: mae\n{MINIMAL}{older}"))
        assert loaded.config.training.time.model_dump() == {
            "weight": 1.0, "mask_ratio_scale": 2.0, "npho_threshold": 50, "use_npho_weight": False
        }  # fmt: skip
        (note,) = loaded.notes
        assert note.startswith("deprecated names of keys: training.time_mask_ratio_scale is training.time.")
        (note,) = load_config(write(f"objective: mae\n{MINIMAL}"), ["training.npho_threshold=7"]).notes
        assert "training.npho_threshold is training.time.npho_threshold now" in note

    def test_both_spellings_at_once(self, write: Callable[[str], Path]) -> None:
        both = "training: {npho_threshold: 50, time: {npho_threshold: 50}}"
        with pytest.raises(
            ConfigError,
            match=r"given twice, as training\.time\.npho_threshold and as training\.npho_threshold",
        ):
            load_config(write(f"objective: mae\n{MINIMAL}{both}"))


class TestHostileYaml:
    """Texts that would take for ever, or end in a traceback."""

    def test_aliases_of_aliases(self, write: Callable[[str], Path]) -> None:
        lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
        for i in range(9):
            inner = ",".join([f"*{chr(97 + i)}"] * 10)
            lines.append(f"{chr(98 + i)}: &{chr(98 + i)} [{inner}]")
        with pytest.raises(ConfigError, match="its aliases stand for more than 100000 values"):
            load_config(write("\n".join(lines) + "\n" + MINIMAL))

    def test_a_value_within_itself(self, write: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError, match="its aliases stand for more than"):
            load_config(write(f"{MINIMAL}training: &t {{lr: *t}}"))

    def test_an_alias_as_people_use_it(self, write: Callable[[str], Path]) -> None:
        path = write("data: {train_path: &p a.root, val_path: *p}\n")
        assert load_config(path).config.data.val_path == ["a.root"]

    @pytest.mark.parametrize(
        "text", ["[" * 3000, "lr: " + "9" * 5000, "!!int x", "!!float [1]", "!!python/name:os"]
    )
    def test_what_is_no_configuration(self, write: Callable[[str], Path], text: str) -> None:
        with pytest.raises(ConfigError) as error:
            load_config(write(text))
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["a\x85b", "a\u2028b", "08", "1e5", "x #y"])
def test_text_in_a_written_configuration_is_read_again(text: str) -> None:
    assert read_yaml(write_yaml({"key": [text]}), "x") == {"key": [text]}


def test_infinity_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("data: {train_path: a.root, val_path: b.root}\ntraining: {lr: .inf}\n")
    with pytest.raises(ConfigError, match=r"training\.lr: found inf, expected a number"):
        load_config(path)
