"""Starting the service: everything is loaded and checked first, then BentoML's application is served.

BentoML's own launcher is left out: its supervisor takes commands on an open local port from whoever shares
the machine, starts a second process that loads everything again, and restarts for ever what cannot load.
"""

import http.client
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from features.declaration import DeclarationError
from models.artefact import ArtefactError
from models.registry import STATE_VARIABLE, RegistryError
from serving.confidential.keyring import KeyringError
from serving.governing import adopted_instead
from serving.operating import load_operations
from serving.served import Served, load_served
from serving.settings import SERVED_VARIABLE, Settings, SettingsError
from serving.store.database import StoreError

if TYPE_CHECKING:
    from types import FrameType

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 3000
_BACKLOG = 2048
# What requests under way may take after SIGTERM before they are cut.
_DRAIN_SECONDS = 60
_READY_SECONDS = 120


class CannotServe(RuntimeError):
    """The service cannot be started; one line that says what to do."""


def serve(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    workers: int = 1,
    settings: Settings | None = None,
    served: Served | None = None,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM, which let requests under way finish.

    One worker runs in this process; several are processes of their own on the same socket. Prints one line
    on stdout once requests are answered.

    Args:
        host: an IP address; only this machine reaches the default. Without a store nothing asks who calls.
        port: 0 takes a free one, which the printed line names.
        workers: processes that score.
        settings: what to serve; from the environment by default.
        served: what to serve where it is loaded already, such as what the store has adopted.

    Raises:
        CannotServe: what is to be served is wrong, the address is, or the port is taken; nothing was started.
    """
    with _listen(host, port) as listening:
        try:
            settings = settings or Settings.from_environment()
            served = served or load_served(settings)
            operations = load_operations(served)
            if operations is None:
                tell_adopted(served, settings)
            else:
                operations.close()
        except (
            ArtefactError, DeclarationError, KeyringError, RegistryError, SettingsError, StoreError,
        ) as error:  # fmt: skip
            raise CannotServe(str(error)) from None
        # Cleaned up after SIGTERM too, which by default would end the process on the spot.
        signal.signal(signal.SIGTERM, _exit)
        with tempfile.TemporaryDirectory(prefix="tierwise-") as folder:
            served.save(Path(folder) / "served")
            _prepare_environment(settings, Path(folder), workers)
            announcer = threading.Thread(target=_announce, args=(listening, served), daemon=True)
            announcer.start()
            _run(listening, workers)


def tell_adopted(served: Served, settings: Settings) -> None:
    """Say so where a store beside what is served has adopted another version of it."""
    adopted = adopted_instead(served, settings.state_directory)
    if adopted is not None:
        told = (
            f"The store has adopted {adopted}; what is served here is another: see `tierwise audit aliases`."
        )
        print(told, file=sys.stderr, flush=True)


def _exit(number: int, frame: "FrameType | None") -> None:
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a wrong address is told before anything is loaded."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise CannotServe(f"host {host}: give an IP address, such as {DEFAULT_HOST}") from None
    # The protocol is named because asyncio sends at once (TCP_NODELAY) only where it is; otherwise answers
    # wait 40 ms for the caller's acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or "no such port"
        raise CannotServe(f"{host}:{port}: cannot listen ({reason}); choose another with --port") from None
    listening.set_inheritable(True)
    return listening


def _prepare_environment(settings: Settings, folder: Path, workers: int) -> None:
    """Set what BentoML and the workers read; BentoML reads it when it is imported."""
    state = settings.state_directory
    os.environ |= {
        STATE_VARIABLE: str(state),
        SERVED_VARIABLE: str(folder / "served"),
        "BENTOML_DO_NOT_TRACK": "True",
        "OTEL_SDK_DISABLED": "true",
        # Workers are the parallelism; a thread pool in each would only contend.
        "OMP_NUM_THREADS": "1",
    }
    os.environ.setdefault("BENTOML_HOME", str(state / "bentoml"))
    if workers > 1:
        (folder / "metrics").mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")


def _run(listening: socket.socket, workers: int) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    config = uvicorn.Config(
        "serving.service:application",
        factory=True,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    try:
        if workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has finished what was under way and hands the signal on
        pass


def _announce(listening: socket.socket, served: Served) -> None:
    """Print where the service is, once it answers."""
    host, port = listening.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = http.client.HTTPConnection(reachable, port, timeout=_READY_SECONDS)
    try:
        connection.request("GET", "/readyz")
        ready = connection.getresponse().status == 200
    except OSError:
        ready = False
    finally:
        connection.close()
    if ready:
        shown = f"[{host}]" if ":" in host else host
        print(f"Tierwise serves {served.describe()} on http://{shown}:{port}", flush=True)
