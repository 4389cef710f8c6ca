"""A PostgreSQL server of a test's own: made, started, stopped and removed by the test, never the system's."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

USER, DATABASE = "ann", "postgres"


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Postgres:
    """A server on a loopback port with one user, who has a password."""

    def __init__(self) -> None:
        programs = _programs()
        if programs is None:
            pytest.skip("PostgreSQL is not installed: no initdb on the PATH or in /usr/lib/postgresql")
        pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed: requirements-distributed.txt")
        self._programs = programs
        self._owner = [] if os.geteuid() else ["runuser", "-u", self._other_user(), "--"]  # it refuses to run as root
        self.password = secrets.token_hex(8)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = Path(tempfile.mkdtemp(prefix="glassnet-postgres-"))
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self._owner:
            for path in (self.folder, secret):
                shutil.chown(path, self._owner[2])
        options = ["-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256", "--no-locale", "-E", "UTF8", "--no-sync"]
        self._run("initdb", "-D", str(self.folder / "data"), *options)
        self.start()

    @staticmethod
    def _other_user() -> str:
        known = Path("/etc/passwd").read_text().splitlines()
        return "postgres" if any(line.startswith("postgres:") for line in known) else "nobody"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._owner, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def _control(self, command: str, *arguments: str) -> None:
        log = ["-l", str(self.folder / "log")] if command == "start" else []
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *log, command, *arguments)

    def url(self, **changes: str) -> str:
        """Its URL, with another user, password, port or database where one is given."""
        parts = {"user": USER, "password": self.password, "port": str(self.port), "database": DATABASE, **changes}
        return "postgresql://{user}:{password}@127.0.0.1:{port}/{database}".format(**parts)

    def start(self) -> None:
        self._control("start", "-o", f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off")

    def stop(self) -> None:
        """As a power cut does it: no connection is told."""
        self._control("stop", "-m", "immediate")

    def close(self) -> None:
        subprocess.run(
            [*self._owner, str(self._programs / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"],
            check=False,
            cwd="/",
            capture_output=True,
            timeout=60,
        )
        shutil.rmtree(self.folder, ignore_errors=True)
