"""The commands of the demo, and their explanations."""

from __future__ import annotations

from dataclasses import dataclass

from xec_analysis.studies.steps import Step, simulation_step

RUN = "demo"
TRAIN, VALIDATION, TEST = "train.root", "val.root", "test.root"
CONFIG, ONNX, PREDICTIONS = "config.yaml", "network.onnx", "predictions.root"
RUN_FOLDER = f"artifacts/{RUN}"
DISPLAYED = "event.png"


@dataclass(frozen=True)
class DemoSize:
    """Size of the demo.

    Attributes
    ----------
    n_train, n_val, n_test
        Simulated events.
    settings
        Changes to the default configuration, as ``key=value`` for `xec train`.
    """

    n_train: int
    n_val: int
    n_test: int
    settings: tuple[str, ...]


# A network that two cores train in minutes: narrow, the outer face pooled, many steps of small batches.
# With uncertainties as outputs each quantity is learnt at its own precision; square roots of photon counts
# have the same error everywhere.
_SMALL_NETWORK = (
    "model.encoder_dim=256",
    "model.outer_fine_pool=[3,3]",
    "model.hidden_dim=512",
    "model.dim_feedforward=256",
    "normalization.npho_scheme=sqrt",
    *(
        f"tasks.{task}.{setting}"
        for task in ("energy", "timing", "uvwFI")
        for setting in ("loss_fn=gaussian_nll", "loss_beta=0.25")
    ),
    "tasks.angle.weight=0.3",
    "tasks.timing.weight=0.5",
    "tasks.uvwFI.weight=2",
    "data.batch_size=16",
    "training.lr=2e-3",
    "training.warmup_epochs=0.3",
    "training.ema_decay=0.99",
    "training.channel_dropout_rate=0",
    # The export is a step of its own.
    "export.onnx=null",
)

FULL = DemoSize(7000, 500, 2000, (*_SMALL_NETWORK, "training.epochs=3"))
QUICK = DemoSize(480, 96, 256, (*_SMALL_NETWORK, "training.epochs=1"))


def demo_steps(size: DemoSize) -> list[Step]:
    """Return the steps in the order in which they run, all inside the folder of the demo."""
    return [
        Step(
            "The detector",
            "Lists the faces of the detector and draws all sensors on the unrolled detector.",
            "Nothing to change. An as-built survey is compared with: xec geometry check SURVEY.txt",
            ("geometry", "show", "--png", "detector.png"),
            ("detector.png",),
        ),
        *(
            simulation_step(path, events, seed, title)
            for path, events, seed, title in (
                (TRAIN, size.n_train, 1, "Events to train on"),
                (VALIDATION, size.n_val, 2, "Events to validate on during the training"),
                (TEST, size.n_test, 3, "Events to test the finished network on"),
            )
        ),
        Step(
            "Look into a file",
            "Lists branches, invalid readings and ranges, and says what the file can be used for.",
            "xec data check YOUR_FILES.root - do this first with any file from elsewhere.",
            ("data", "check", TEST),
        ),
        Step(
            "A configuration",
            "Writes a commented YAML file with every key of a training and its default.",
            "xec config new -o my.yaml, then set data.train_path and data.val_path in it.",
            ("config", "new", "-o", CONFIG),
            (CONFIG,),
        ),
        Step(
            "Train",
            "Trains one network for angle, energy, time and position. Keys of the configuration can be "
            "changed on the command line; these make the network small enough for two cores.",
            "xec train my.yaml --tasks angle energy timing uvwFI - the defaults are meant for a GPU.",
            (
                "train",
                CONFIG,
                "--tasks",
                "angle",
                "energy",
                "timing",
                "uvwFI",
                f"data.train_path={TRAIN}",
                f"data.val_path={VALIDATION}",
                f"mlflow.run_name={RUN}",
                *size.settings,
            ),
            (RUN_FOLDER, "mlflow.db", "mlartifacts"),
        ),
        Step(
            "Export",
            "Writes the best network as one ONNX graph from raw photons and seconds to physical units, and "
            "compares it with torch on real events. C++ runs this file with ONNX Runtime.",
            "xec export artifacts/YOUR_RUN/checkpoint_best.pth -o network.onnx",
            ("export", f"{RUN_FOLDER}/checkpoint_best.pth", "-o", ONNX, "--data", TEST),
            (ONNX, ONNX.replace(".onnx", ".json")),
        ),
        Step(
            "Predict",
            "Runs the exported network on events that the training has not seen.",
            "xec predict network.onnx YOUR_FILES.root -o predictions.root - also real data, without truth.",
            ("predict", ONNX, TEST, "-o", PREDICTIONS),
            (PREDICTIONS,),
        ),
        Step(
            "Plot",
            "Prints bias and widths of every quantity, and draws a page of resolutions for each task.",
            "xec plot predictions.root, or xec plot artifacts/YOUR_RUN for the validation of a training.",
            ("plot", PREDICTIONS, "-o", "plots"),
            ("plots",),
        ),
        Step(
            "Display",
            "Draws one event, photons and times, on the unrolled detector.",
            "xec display YOUR_FILE.root ENTRY -o event.pdf",
            ("display", TEST, "0", "-o", DISPLAYED),
            (DISPLAYED,),
        ),
    ]
