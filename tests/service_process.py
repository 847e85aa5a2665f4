"""The real service as a process of its own, for tests: started as the command line starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 90

_START = """
import sys
from serving.launch import CannotServe, serve
try:
    serve(host="127.0.0.1", port=int(sys.argv[1]), workers=int(sys.argv[2]))
except CannotServe as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


@dataclass(frozen=True)
class Service:
    """A running service: its address, its process and the file that has all it wrote."""

    url: str
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def log(self) -> str:
        """Return all that the service wrote."""
        return self.log_file.read_text(encoding="utf-8")

    def client(self) -> httpx.Client:
        """Return a client that ignores the machine's proxies."""
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def service_command(port: int = 0, workers: int = 1) -> list[str]:
    """Return the command that starts the service in the foreground."""
    return [sys.executable, "-c", _START, str(port), str(workers)]


def service_environment(state: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with these settings and none of the machine's own."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("TIERWISE_", "BENTOML"))
    }
    return {**inherited, "TIERWISE_STATE": str(state), "PYTHONPATH": str(ROOT), **settings}


@contextmanager
def running_service(
    state: Path, settings: Mapping[str, str] | None = None, workers: int = 1
) -> Iterator[Service]:
    """Start the service on a free port, wait until it says that it is ready, and end it afterwards."""
    state.mkdir(parents=True, exist_ok=True)
    log_file = state / "service.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            service_command(workers=workers),
            cwd=state,
            env=service_environment(state, settings or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Service(_url(process, log_file), process, log_file)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(process: subprocess.Popen[bytes], log_file: Path) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        written = log_file.read_text(encoding="utf-8")
        ready = re.search(r"^Tierwise serves .* on (http://\S+)$", written, re.M)
        if ready:
            return ready[1]
        if process.poll() is not None:
            raise AssertionError(f"the service ended with {process.returncode}:\n{written}")
        time.sleep(0.1)
    raise AssertionError(f"the service was not ready within {READY_SECONDS} s:\n{log_file.read_text()}")
