"""submitit's executor for a profile: its options of sbatch, and the environment of the node."""

from __future__ import annotations

import io
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_train.cluster.errors import ClusterError
from xec_train.cluster.profile import Environment, Profile
from xec_train.cluster.slurm import reason_of
from xec_train.cluster.work import Work

if TYPE_CHECKING:
    from submitit import SlurmExecutor

_PYTHON = "xec_python"
# A signal that NCCL leaves alone.
_SIGNAL = "USR2"
# Until Python listens, the signal would end the process.
_DEAF = f"""sh -c 'trap "" {_SIGNAL}; exec "$0" "$@"'"""
# SLURM may send it a minute early: of a short limit, at most this part.
_LARGEST_PART = 4
# submitit counts an interruption as the end of the time if the limit is ten minutes or less.
_MANY = 1_000_000


def submit(
    work: Sequence[Work],
    folder: Path,
    name: str,
    profile: Profile,
    environments: Mapping[str, Environment],
    *,
    at_once: int | None = None,
) -> str:
    """Submit one job, or an array of several; return its id.

    Parameters
    ----------
    work
        What each job does.
    folder
        For the script and the logs.
    name
        Name of the job.
    profile
        Its resources.
    environments
        Python environments by architecture.
    at_once
        Jobs of an array that run at the same time; None: all.

    Raises
    ------
    ClusterError
        If sbatch refuses the job.
    """
    executor = _executor(folder, name, profile, environments, at_once)
    try:
        # submitit prints what sbatch says before it raises it.
        with redirect_stderr(io.StringIO()):
            jobs = executor.submit_array(list(work))
    except Exception as error:
        # submitit has many; all that went wrong is sbatch.
        if type(error).__module__.startswith("submitit"):
            raise ClusterError(f"sbatch: {reason_of(str(error))}") from error
        raise
    return str(jobs[0].job_id).partition("_")[0]


def check_sbatch() -> None:
    """Make sure that jobs can be submitted from here.

    Raises
    ------
    ClusterError
        If there is no sbatch.
    """
    if shutil.which("sbatch") is None:
        raise ClusterError(
            "no program 'sbatch' here; expected a machine from which jobs are submitted to SLURM"
        )


def script(
    work: Sequence[Work],
    folder: Path,
    name: str,
    profile: Profile,
    environments: Mapping[str, Environment],
    *,
    at_once: int | None = None,
) -> str:
    """Return the script that `submit` would give to sbatch; nothing is written."""
    executor = _executor(folder, name, profile, environments, at_once)
    if len(work) > 1:
        executor.parameters["map_count"] = len(work)
    return str(executor._make_submission_file_text(executor._submitit_command_str, ""))


def _executor(
    folder: Path,
    name: str,
    profile: Profile,
    environments: Mapping[str, Environment],
    at_once: int | None,
) -> SlurmExecutor:
    try:
        from submitit import SlurmExecutor
    except ImportError as error:
        raise ClusterError("'xec submit' needs submitit: pip install 'xec-train[cluster]'") from error

    class Executor(SlurmExecutor):
        @classmethod
        def affinity(cls) -> int:
            # A script can be shown where there is no SLURM.
            return 2

    python = f'"${_PYTHON}"' if environments else shlex.quote(sys.executable)
    executor = Executor(folder, max_num_timeout=_MANY, python=f"{_DEAF} {python}")
    executor.update_parameters(
        **_parameters(name, profile),
        setup=list(_setup(profile, environments)),
        array_parallelism=at_once or _MANY,
    )
    return executor


def _parameters(name: str, profile: Profile) -> dict[str, Any]:
    more: dict[str, Any] = {
        "clusters": profile.cluster,
        "mem": profile.mem,
        "signal": f"{_SIGNAL}@{min(profile.signal_seconds, 60 * profile.time // _LARGEST_PART)}",
        "requeue": profile.requeue or None,
        "no-requeue": not profile.requeue or None,
        **profile.sbatch,
    }
    # A process that fails ends all; and srun does not know how many cores the job has for each.
    srun = ["--kill-on-bad-exit=1"]
    if profile.cpus_per_task:
        srun.append(f"--cpus-per-task={profile.cpus_per_task}")
    return {
        "job_name": name,
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "time": profile.time,
        "nodes": profile.nodes,
        "ntasks_per_node": profile.tasks,
        "cpus_per_task": profile.cpus_per_task,
        "gpus_per_node": profile.gpus_per_node or None,
        "wckey": None,
        "srun_args": srun,
        "additional_parameters": {key: value for key, value in more.items() if value not in (None, False)},
    }


def _setup(profile: Profile, environments: Mapping[str, Environment]) -> Sequence[str]:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in profile.variables.items()]
    lines.append(f"export SUBMITIT_PREEMPT_SIGNAL={_SIGNAL}")
    if not environments:
        return lines
    lines.append('case "$(uname -m)" in')
    for architecture, environment in environments.items():
        lines.append(f"{architecture})")
        lines += [f"  {line}" for line in environment.setup]
        lines += [f"  {_PYTHON}={shlex.quote(str(Path(environment.python).expanduser()))}", "  ;;"]
    known = " and ".join(environments)
    lines += [
        "*)",
        f'  echo "xec: error: $(hostname) is $(uname -m); cluster.yaml has environments for {known}" >&2',
        "  exit 2",
        "  ;;",
        "esac",
        f'[ -x "${_PYTHON}" ] || {{ echo "xec: error: no Python ${_PYTHON} on $(hostname)" >&2; exit 2; }}',
    ]
    return lines
