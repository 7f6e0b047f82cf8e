"""JupyterLab as a job: on the loopback of a node, with a token, found through a file in the job's folder."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from xec_train.cluster.errors import ClusterError
from xec_train.cluster.following import how_it_ended
from xec_train.cluster.job_folder import JobFolder, JobRecord
from xec_train.cluster.slurm import JobState, job_states
from xec_train.cluster.status import failure_in_words
from xec_train.cluster.work import Work

_LOOPBACK = "127.0.0.1"
_PATIENCE = 300.0  # seconds in which a server has to answer
_PAUSE = 0.5
_LOOKS_PER_QUESTION = 4  # SLURM is asked more rarely than the folder is looked at


class Connection(BaseModel):
    """Where a server is.

    Attributes
    ----------
    job
        The job that it belongs to.
    host
        The node.
    port
        The port there, on the loopback.
    token
        What the server asks for.
    """

    model_config = ConfigDict(frozen=True)

    job: str
    host: str
    port: int
    token: str


@dataclass(frozen=True)
class NotebookWork(Work):
    """A server, which ends with the job.

    Attributes
    ----------
    connection
        The file that says where it is; only its owner can read it.
    port
        The port, if it is free on the node; else another one.
    """

    connection: str
    port: int

    def run(self) -> int:
        """Start the server, say where it is, and wait for its end."""
        token, port = secrets.token_urlsafe(24), _free_port(self.port)
        # Not in the command, which others on the node see.
        environment = {**os.environ, "JUPYTER_TOKEN": token}
        options = [f"--ip={_LOOPBACK}", f"--port={port}", "--ServerApp.port_retries=0", "--no-browser"]
        server = subprocess.Popen([sys.executable, "-m", "jupyter", *self.words, *options], env=environment)
        path = Path(self.connection)
        try:
            if not _answers(server, port):
                print(
                    "xec: error: JupyterLab does not start; is it installed in this environment (pip install "
                    f"jupyterlab)? Its output stands above; Python: {sys.executable}",
                    file=sys.stderr,
                )
                return 2
            job = os.environ.get("SLURM_JOB_ID", "")
            host = os.environ.get("SLURMD_NODENAME", socket.gethostname())
            _write_privately(path, Connection(job=job, host=host, port=port, token=token).model_dump_json())
            return server.wait()
        finally:
            path.unlink(missing_ok=True)
            server.terminate()


def wait_for_server(folder: JobFolder, record: JobRecord, tell: Callable[[JobState], None]) -> Connection:
    """Wait until the server of a job answers.

    Parameters
    ----------
    folder, record
        The job.
    tell
        Called with every new state of the job.

    Raises
    ------
    ClusterError
        If the job ends before; with the reason and the path of the log.
    """
    told, looks = "", 0
    while True:
        with suppress(OSError, ValidationError):
            found = Connection.model_validate_json(folder.connection.read_text(encoding="utf-8"))
            if found.job == record.job:
                return found
        if looks % _LOOKS_PER_QUESTION == 0:
            states = job_states(record.job, record.cluster)
            for state in states:
                if state.state != told:
                    told = state.state
                    tell(state)
            if not any(state.is_alive for state in states):
                (end,) = how_it_ended(folder, record, states)
                raise ClusterError(
                    failure_in_words(end, record) if end.failure else f"job {record.job} has ended"
                )
        looks += 1
        time.sleep(_PAUSE)


def tunnel_in_words(connection: Connection, local_port: int) -> str:
    """Return the command for the user's own machine, and the address for its browser."""
    user, login = getpass.getuser(), socket.getfqdn()
    return (
        f"  ssh -N -L {local_port}:localhost:{connection.port} -J {user}@{login} {user}@{connection.host}\n"
        f"  http://localhost:{local_port}/lab?token={connection.token}"
    )


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as free, suppress(OSError):
            free.bind((_LOOPBACK, port))
            return int(free.getsockname()[1])
    raise ClusterError("no free port on this node")


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            # Not through a proxy of the node.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(f"http://{_LOOPBACK}:{port}/api", timeout=5).close()
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(_PAUSE)
    return False


def _write_privately(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
