"""A real MariaDB server on the loopback, with a data directory of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sql

USER, PASSWORD, DATABASE = "reader", "p@ss#w:rd", "experiment"
QUOTED = "p%40ss%23w%3Ard"
_PATIENCE = 240


def needed_programs() -> dict[str, str]:
    """Paths of the server's programs; a test is skipped if one is missing."""
    pytest.importorskip("pymysql", reason="PyMySQL is not installed: pip install 'xec-data[mysql]'")
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = {name: shutil.which(name, path=places) for name in ("mariadbd", "mariadb-install-db")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"no {' and '.join(missing)}: apt-get install mariadb-server")
    return {name: path for name, path in found.items() if path}


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server, give ``host:port``, and end it."""
    programs = needed_programs()
    # The name of a socket is limited to about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="xec-mariadb-") as name:
        folder = Path(name)
        data, log = folder / "data", folder / "log"
        user = ["--user=root"] if os.getuid() == 0 else []
        install = [programs["mariadb-install-db"], "--no-defaults", f"--datadir={data}", *user]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        subprocess.run(install, check=True, capture_output=True, timeout=_PATIENCE)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [programs["mariadbd"], "--no-defaults", f"--datadir={data}", *user]
        command += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 'socket'}"]
        command += [f"--pid-file={folder / 'pid'}", f"--log-error={log}", "--skip-name-resolve"]
        command += ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]
        if shutil.which("setpriv"):
            # Not to stay behind if the tests are killed.
            command = ["setpriv", "--pdeathsig", "TERM", *command]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _prepare(f"127.0.0.1:{port}", server, log)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _prepare(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the server; make the database and a user who may change it."""
    engine = sql.create_engine(f"mysql+pymysql://root@{address}/mysql", poolclass=sql.NullPool)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
                made = f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY %s"
                connection.exec_driver_sql(made, (PASSWORD,))
                connection.exec_driver_sql(f"GRANT ALL ON {DATABASE}.* TO {USER}@'127.0.0.1'")
            return
        except sql.exc.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server does not answer:\n{log.read_text()}") from None
            time.sleep(0.1)
