"""A real SLURM on the loopback, as the user who runs the tests: munged, slurmctld and slurmd.

Its node claims to have 64 cores. Jobs of the partition `low` are preempted by those of `high`, if there are
not enough cores for both; those of `normal`, the default, never are.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_PATIENCE = 60.0
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

_SLURM_CONF = """\
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={control_port}
SlurmdPort={node_port}
AuthType=auth/munge
CredType=cred/munge
# A job that starts again waits until credentials of its first start are void: two minutes otherwise.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
KillWait=2
MinJobAge=600
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=64
PartitionName=normal Nodes=localhost Default=YES PriorityTier=1 PreemptMode=OFF
PartitionName=low Nodes=localhost PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
PartitionName=high Nodes=localhost PriorityTier=2 PreemptMode=OFF
"""

_CGROUP_CONF = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"


def needed_programs() -> dict[str, str]:
    """Paths of SLURM's programs; a test is skipped if one is missing."""
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'xec-train[cluster]'")
    found = {name: shutil.which(name, path=_PLACES) for name in _PROGRAMS}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: apt-get install slurm-wlm munge")
    return {name: path for name, path in found.items() if path}


@contextmanager
def running_slurm() -> Iterator[Path]:
    """Start SLURM, give the path of its ``slurm.conf`` (for ``SLURM_CONF``), and end it with all its jobs."""
    programs = needed_programs()
    # Not below pytest's folders: munged wants folders that others may enter.
    folder = Path(tempfile.mkdtemp(prefix="xec-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with ExitStack() as stack:
            conf = _configure(folder)
            environment = {**os.environ, "SLURM_CONF": str(conf)}

            def start(name: str, *words: str) -> subprocess.Popen[bytes]:
                return stack.enter_context(_daemon([programs[name], *words], folder, environment))

            key, place = folder / "munge.key", folder / "munge"
            start(
                "munged",
                "--foreground",
                f"--key-file={key}",
                f"--socket={folder / 'munge.socket'}",
                f"--pid-file={place}.pid",
                f"--log-file={place}.log",
                f"--seed-file={place}.seed",
                "--num-threads=2",
            )
            _wait(lambda: (folder / "munge.socket").exists(), "munged does not start", folder)
            start("slurmctld", "-D", "-i")
            start("slurmd", "-D", "-N", "localhost")
            _wait(lambda: _is_idle(programs, environment), "the node does not answer", folder)
            try:
                yield conf
            finally:
                _end_jobs(programs, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path) -> Path:
    ports = dict(zip(("control_port", "node_port"), _free_ports(2), strict=True))
    host = socket.gethostname().partition(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(_SLURM_CONF.format(user=getpass.getuser(), host=host, folder=folder, **ports))
    (folder / "cgroup.conf").write_text(_CGROUP_CONF)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(64))
    return conf


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def _daemon(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    if shutil.which("setpriv"):
        # Not to stay behind if the tests are killed.
        command = ["setpriv", "--pdeathsig", "TERM", *command]
    with (folder / "daemons.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(environment), cwd=folder)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_idle(programs: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    command = [programs["scontrol"], "show", "nodes", "--oneliner"]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    return "State=IDLE " in done.stdout


def _end_jobs(programs: Mapping[str, str], environment: Mapping[str, str]) -> None:
    user = getpass.getuser()
    left = [programs["squeue"], "--noheader", f"--user={user}"]
    end = time.monotonic() + _PATIENCE
    while subprocess.run(left, env=dict(environment), capture_output=True).stdout.strip():
        cancel = [programs["scancel"], "--full", f"--user={user}"]
        subprocess.run(cancel, env=dict(environment), capture_output=True)
        if time.monotonic() > end:
            break
        time.sleep(0.2)


def _wait(condition: Callable[[], bool], problem: str, folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{problem}:\n{(folder / 'daemons.log').read_text(errors='replace')}")
        time.sleep(0.05)
