"""The real control plane: started, asked, ended."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from conformance.gateway import GatewayError

START_TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 60.0
_LOG_LINES_KEPT = 200
_TOKEN = re.compile(r"bootstrap token: (\S+)")
_ADDRESS = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


class ControlPlane:
    """`portcullis-control serve` on a port of its own, with an empty data folder, as a context manager.

    Without `database_url` it keeps everything in SQLite. Whoever asks may say whose address it asks for
    (`X-Forwarded-For`): wrong credentials cost their address time. Raises `GatewayError` where it does not start.
    """

    def __init__(self, binaries: Path, database_url: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-")
        self._log: deque[str] = deque(maxlen=_LOG_LINES_KEPT)
        self._process: subprocess.Popen[str] | None = None
        self._told = threading.Event()
        self.token = ""
        self.port = 0
        # Nothing that is set for the person who runs this has a say.
        self._environment = {"PATH": os.environ.get("PATH", ""), "XDG_CONFIG_HOME": self._folder.name}
        self._command = [
            str(binaries / "portcullis-control"), "serve", "--listen", "127.0.0.1:0", "--data-dir", self._folder.name,
            "--rate-limit", "0", "--trusted-proxies", "127.0.0.1", "--log", "warn,portcullis_control=info,control=info",
            "--log-format", "json",
        ]  # fmt: skip
        if database_url is not None:
            self._command += ["--database-url", database_url]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self._log)

    def has_ended(self) -> bool:
        """Whether it ended by itself, which it never should."""
        return self._process is None or self._process.poll() is not None

    def __enter__(self) -> ControlPlane:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()
        if not self._told.wait(START_TIMEOUT_S) or not (self.port and self.token):
            self.__exit__(None, None, None)
            raise GatewayError(f"the control plane did not start:\n{self.log()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def ask(self, method: str, path: str, body: object = None, media_type: str = "application/json") -> Any:
        """What it answers to a request that must succeed: JSON, or the bytes of anything else."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "If-Match": "*"}
        if content is not None:
            headers["Content-Type"] = media_type
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise GatewayError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def built(self, spec: str) -> Any:
        """A build of a spec's head that has ended."""
        build = self.ask("POST", f"/api/v1/specs/{spec}/compile", {})
        end = time.monotonic() + BUILD_TIMEOUT_S
        while build["state"] in {"queued", "running"} and time.monotonic() < end:
            time.sleep(0.05)
            build = self.ask("GET", f"/api/v1/builds/{build['id']}")
        return build

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._log.append(line.rstrip())
            if found := _TOKEN.search(line):
                self.token = found[1]
            if found := _ADDRESS.search(line):
                self.port = int(found[1])
            if self.port and self.token:
                self._told.set()
        self._told.set()
