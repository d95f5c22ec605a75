"""The real binaries: a document is compiled, and its artifact served."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO

START_TIMEOUT_S = 60.0
_LOG_LINES_KEPT = 200


class GatewayError(Exception):
    """A binary did not do its part; the text says which one, and holds what it wrote."""


class Gateway:
    """A gateway that serves `document` in front of `upstream_port`, as a context manager.

    `binaries` is the folder of `portcullis` and `portcullis-control`. Security is off: what is judged here is the
    shape of requests. Raises `GatewayError` where the document does not compile or the gateway does not start.
    """

    def __init__(self, binaries: Path, document: Path, upstream_port: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self._log: deque[str] = deque(maxlen=_LOG_LINES_KEPT)
        self._process: subprocess.Popen[str] | None = None
        self._address: tuple[str, int] | None = None
        self._told = threading.Event()
        artifact = Path(self._folder.name, "api.bca")
        # Nothing that is set for the person who runs this, and no key of theirs, has a say.
        self._environment = {"PATH": os.environ.get("PATH", ""), "XDG_CONFIG_HOME": self._folder.name}
        self._compile = [
            str(binaries / "portcullis-control"), "compile", "--quiet", "--unsigned", "--security", "off",
            "--spec", str(document), "--upstream", f"http://127.0.0.1:{upstream_port}", "--output", str(artifact),
        ]  # fmt: skip
        self._serve = [
            str(binaries / "portcullis"), "serve", "--allow-unsigned", "--artifact", str(artifact),
            "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json", "--workers", "1",
        ]  # fmt: skip

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self._address is None:
            raise GatewayError("the gateway was not started")
        return self._address

    def log(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self._log)

    def __enter__(self) -> Gateway:
        compiled = subprocess.run(self._compile, env=self._environment, capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            self._folder.cleanup()
            raise GatewayError(f"the document does not compile:\n{compiled.stderr}")
        self._process = subprocess.Popen(
            self._serve, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True).start()
        if not self._told.wait(START_TIMEOUT_S) or self._address is None:
            self.__exit__(None, None, None)
            raise GatewayError(f"the gateway did not start:\n{self.log()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _read(self, stderr: IO[str]) -> None:
        for line in stderr:
            self._log.append(line.rstrip())
            if self._address is None and (address := _listening(line)):
                self._address = address
                self._told.set()
        self._told.set()


def _listening(line: str) -> tuple[str, int] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("message") != "listening":
        return None
    address = entry.get("address") or entry.get("fields", {}).get("address")
    if not address:
        return None
    host, _, port = str(address).rpartition(":")
    return host, int(port)
