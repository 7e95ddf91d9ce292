"""A throwaway PostgreSQL cluster on a free loopback port, one a test session.

Use in a conftest: `from tests.peers.postgres import postgres_cluster` (a session fixture), then
`postgres_cluster.new_database()` for an empty database and its SQLAlchemy URL.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.ports import LOOPBACK, free_port, missing

ROLE = "voicebot"


def _binaries() -> Path:
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if candidates:
        return candidates[-1]
    if on_path is None:
        missing("PostgreSQL (initdb) is not installed")
    return Path(on_path).parent


def _as_unprivileged() -> list[str]:
    """Command prefix: initdb refuses root; the server must not outlive a killed test run."""
    prefix = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        prefix += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return prefix


class PostgresCluster:
    """A running cluster. Trust authentication, loopback only, no fsync: for tests alone."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._bin = _binaries()
        self._data = directory / "data"
        self._log = directory / "log"
        self._numbers = itertools.count(1)
        self._server: subprocess.Popen[bytes] | None = None
        self._directory = directory

    def url(self, database: str, driver: str = "postgresql+asyncpg") -> str:
        """SQLAlchemy URL of a database in this cluster."""
        return f"{driver}://{ROLE}@{LOOPBACK}:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its URL (asyncpg)."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._run("createdb", "--host", LOOPBACK, "--port", str(self.port), "--username", ROLE, name)
        return self.url(name)

    def start(self, timeout_seconds: float = 30.0) -> None:
        """Make the cluster and wait until it takes connections. Also restarts it after `stop()`."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._directory, user.pw_uid, user.pw_gid)
        if not self._data.exists():
            self._run(
                "initdb", "-D", str(self._data), "-U", ROLE, "-A", "trust", "-E", "UTF8", "--no-sync",
                "--locale=C.UTF-8",
            )  # fmt: skip
        options = {
            "listen_addresses": LOOPBACK, "port": self.port, "unix_socket_directories": "", "fsync": "off",
            "full_page_writes": "off", "shared_buffers": "16MB", "max_connections": 40,
        }  # fmt: skip
        command = [*_as_unprivileged(), str(self._bin / "postgres"), "-D", str(self._data)]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        self._wait_ready(time.monotonic() + timeout_seconds)

    def stop(self) -> None:
        """End the server (by its pid) at once, as a crash would: clients see their connections break."""
        if self._server is None:
            return
        self._server.send_signal(3)  # SIGQUIT: immediate shutdown
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def _wait_ready(self, deadline: float) -> None:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-t", "1"]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._server is None or self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*_as_unprivileged(), str(self._bin / program), *arguments],
            check=True, capture_output=True, cwd=self._directory, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """One cluster for the whole test session; skipped (or failed in CI) where PostgreSQL is missing."""
    if shutil.which("setpriv") is None:
        missing("setpriv (util-linux) is not installed")
    directory = Path(tempfile.mkdtemp(prefix="voicebot-pg-"))
    cluster = PostgresCluster(directory)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)
