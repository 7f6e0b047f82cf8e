"""Chromium and an MLflow server, for tests that look at a page as users do."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
PATIENCE = 60.0  # seconds for anything; only a failure takes so long

# What the browser tells about errors, and where it says that it is one.
_COMPLAINTS = {
    "Log.entryAdded": lambda said: said["entry"]["level"] == "error",
    "Runtime.consoleAPICalled": lambda said: said["type"] in ("error", "assert"),
    "Runtime.exceptionThrown": lambda _: True,
}


class Browser:
    """Chromium without a window, for as long as the block lasts, driven over its debugging pipe.

    Parameters
    ----------
    profile
        An empty folder for its files.

    Attributes
    ----------
    complaints
        Errors in the console since a page was opened, of scripts and of loading.
    """

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        self.complaints: list[str] = []
        self._number = 0
        self._rest = b""

    def __enter__(self) -> Browser:
        read, self._to = os.pipe()
        self._from, write = os.pipe()
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--remote-debugging-pipe", "--window-size=1500,1400", f"--user-data-dir={self.profile}",
        ]  # fmt: skip
        # It expects commands at 3 and answers at 4, each ended by a zero byte.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{read} 4>&{write}', str(CHROMIUM), *flags, "about:blank"],
            pass_fds=(read, write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read)
        os.close(write)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Log", "Runtime"):
            self._call(f"{domain}.enable", self._session)
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> None:
        """Go to an address, as to a new page also if only what follows its # differs."""
        self.complaints.clear()
        for address in ("about:blank", url):
            self._call("Page.navigate", self._session, url=address)

    def wait_for(self, script: str) -> Any:
        """The value of an expression in the page, as soon as it is true."""
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._call("Runtime.evaluate", self._session, expression=script, returnByValue=True)
            if value := answer["result"].get("value"):
                return value
            assert time.monotonic() < until, f"not within {PATIENCE:g} s: {script}\n{self.text()}"
            time.sleep(0.2)

    def move_mouse(self, x: float, y: float) -> None:
        """Move the mouse to a place on the page, in pixels."""
        self._mouse("mouseMoved", x, y)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at a place, and let it go at another."""
        self._mouse("mouseMoved", *start)
        self._mouse("mousePressed", *start, button="left", clickCount=1)
        for part in (0.5, 1.0):
            x, y = (a + part * (b - a) for a, b in zip(start, end, strict=True))
            self._mouse("mouseMoved", x, y, button="left", buttons=1)
        self._mouse("mouseReleased", *end, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key, by its name in the browser."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", self._session, type=kind, key=key)

    def prefer(self, scheme: str) -> None:
        """Tell pages that the user likes them light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", self._session, features=features)

    def text(self) -> str:
        """What can be read on the page."""
        answer = self._call("Runtime.evaluate", self._session, expression="document.body.innerText")
        return str(answer["result"].get("value"))

    def picture(self, path: Path) -> None:
        """Save what the page looks like, for whoever wants to see it."""
        answer = self._call("Page.captureScreenshot", self._session)
        path.write_bytes(base64.b64decode(answer["data"]))

    def print_to(self, path: Path) -> None:
        """Print the page into a PDF file."""
        answer = self._call("Page.printToPDF", self._session, printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self._call("Input.dispatchMouseEvent", self._session, type=kind, x=x, y=y, **more)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            is_complaint = _COMPLAINTS.get(answer["method"])
            if is_complaint is not None and is_complaint(answer["params"]):
                self.complaints.append(json.dumps(answer["params"]))
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], PATIENCE)
            part = os.read(self._from, 1 << 16) if ready else b""
            assert part, "the browser does not answer"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started in a session of its own, with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """`mlflow server` on the database in a folder; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///mlflow.db",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until = time.monotonic() + PATIENCE
        while not answers(f"{address}/health"):
            assert time.monotonic() < until, (folder / "server.log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        end(server)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
