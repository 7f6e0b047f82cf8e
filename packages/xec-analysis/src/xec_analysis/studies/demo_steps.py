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


# The export is a step of its own, and no sensor is dead.
_SETTINGS = ("training.channel_dropout_rate=0", "export.onnx=null")

FULL = DemoSize(20000, 1000, 2000, (*_SETTINGS, "training.max_minutes=5"))
QUICK = DemoSize(480, 96, 256, (*_SETTINGS, "training.epochs=1"))


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
            "Writes a commented YAML file with every key of a training; the preset is made for a few cores.",
            "xec config new --preset laptop -o my.yaml, then set data.train_path and data.val_path in it.",
            ("config", "new", "--preset", "laptop", "-o", CONFIG),
            (CONFIG,),
        ),
        Step(
            "Train",
            "Trains one network for angle, energy, time and position, as many steps as fit into the minutes. "
            "It starts from the refined estimators and learns what they miss. Keys of the configuration can "
            "be changed on the command line.",
            "xec train my.yaml --tasks angle energy timing uvwFI training.max_minutes=60",
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
