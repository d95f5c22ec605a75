"""A PostgreSQL server of its own, as the Rust tests start theirs (`tests/src/postgres/`)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from conformance.gateway import GatewayError

START_TIMEOUT_S = 60.0
_OWNER = "portcullis"


def programs() -> Path | None:
    """The folder of the programs that are installed: those on the path, else the newest of Debian's packages."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class Postgres:
    """A cluster in a temporary folder, as a context manager. It runs under another account where this runs as root."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        # Its path is short, as those of sockets have to be.
        self._folder = tempfile.TemporaryDirectory(prefix="portcullis-pg-")
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._prefix = ["setpriv", "--pdeathsig=INT"]
        if os.geteuid() == 0:
            account = _account()
            os.chown(self._folder.name, account.pw_uid, account.pw_gid)
            self._prefix += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]

    @property
    def url(self) -> str:
        """Of its database."""
        return f"postgres://{_OWNER}@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Postgres:
        data = Path(self._folder.name, "data")
        made = self._run(
            "initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--username", _OWNER, "-D", str(data)
        )
        if made.returncode != 0:
            self._folder.cleanup()
            raise GatewayError(f"initdb: {made.stderr.decode(errors='replace')}")
        serve = [
            *self._prefix, str(self._programs / "postgres"), "-D", str(data), "-k", self._folder.name,
            "-p", str(self._port), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap",
        ]  # fmt: skip
        log = Path(self._folder.name, "log")
        with log.open("wb") as file:
            self._server = subprocess.Popen(serve, cwd="/", env={}, stdout=file, stderr=file)
        end = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready(data):
            if self._server.poll() is not None or time.monotonic() > end:
                text = log.read_text(errors="replace")
                self.__exit__(None, None, None)
                raise GatewayError(f"PostgreSQL did not start:\n{text}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            # Without waiting for anybody, and without a trace in shared memory.
            self._server.send_signal(3)
            self._server.wait()
        self._folder.cleanup()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*self._prefix, str(self._programs / program), *arguments]
        return subprocess.run(command, cwd="/", env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=False)

    def _is_ready(self, data: Path) -> bool:
        # Its eighth line says so.
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"


def _account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise GatewayError("root needs the account `postgres` or `nobody`: PostgreSQL does not run as root")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
