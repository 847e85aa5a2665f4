"""Real receivers in the test's own process: an SMTP and an HTTP server that keep what they are handed."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "tierwise", "a password of the server"


@dataclass
class Postbox:
    """What an SMTP server was handed.

    Senders, recipients and mails are answered as the lists of these names say, and with 250 afterwards;
    `delay` is how long a mail takes.
    """

    senders: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    delay: float = 0.0
    taken: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.senders.pop(0) if self.senders else "250 OK"
        if answer.startswith("250"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.recipients.pop(0) if self.recipients else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        answer = self.mails.pop(0) if self.mails else "250 OK"
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken.append((str(envelope.mail_from), tuple(map(str, envelope.rcpt_tos)), content))
        return answer

    def messages(self) -> list[EmailMessage]:
        """Return the mails, read."""
        found = []
        for _, _, content in self.taken:
            message = message_from_bytes(content, policy=default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    def settings(self, **more: str) -> dict[str, str]:
        """Return the environment that leads here."""
        return {
            "TIERWISE_SMTP_HOST": "127.0.0.1", "TIERWISE_SMTP_PORT": str(self.port),
            "TIERWISE_SMTP_SECURITY": "none", **more,
        }  # fmt: skip


@contextmanager
def postbox(tls: ssl.SSLContext | None = None, **settings: Any) -> Iterator[Postbox]:
    """Run an SMTP server; with `tls` it asks for STARTTLS, and for a login."""
    box = Postbox(**settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    more: dict[str, Any] = {}
    if tls is not None:
        more = {
            "tls_context": tls, "require_starttls": True, "auth_required": True, "auth_require_tls": True,
            "authenticator": _login,
        }  # fmt: skip
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = data == LoginPassword(USER.encode(), PASSWORD.encode())
    # What is not handled the server answers itself.
    return AuthResult(success=right, handled=right)


@dataclass
class Hook:
    """What an HTTP server was posted: headers (in lower case) and body.

    Posts are answered as `statuses` say, and with 204 afterwards; `delay` is how long an answer takes.
    """

    statuses: list[int] = field(default_factory=list)
    delay: float = 0.0
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def hook(**settings: Any) -> Iterator[Hook]:
    """Run an HTTP server."""
    kept = Hook(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(kept.delay)
            status = kept.statuses.pop(0) if kept.statuses else 204
            if 200 <= status < 300:
                kept.posted.append(({name.lower(): value for name, value in self.headers.items()}, body))
            try:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{kept.url}/elsewhere")
                self.send_header("Set-Cookie", "who=you")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # the sender did not wait

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/notices"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


def nobody_there() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
