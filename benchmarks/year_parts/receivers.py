"""Real receivers of notices in this process, by SMTP and HTTP, which now and then refuse for a while."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_LINK = re.compile(r"/v1/feedback/(\S+)")


@dataclass
class Received:
    """What arrived and how often, by its id; the links in mails. Every `refusing`-th is refused."""

    refusing: int
    ids: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    asked: int = 0
    port: int = 0

    def refuses(self) -> bool:
        """Whether what comes now is refused for the time being."""
        self.asked += 1
        return self.asked % self.refusing == 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        if self.refuses():
            return "451 4.3.0 try again later"
        content = envelope.content
        message = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default)
        self.ids[str(message["Message-ID"])] += 1
        self.links += _LINK.findall(message.get_content())
        return "250 OK"


@contextmanager
def mail_server(refusing: int) -> Iterator[Received]:
    """Run an SMTP server."""
    received = Received(refusing)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        received.port = free.getsockname()[1]
    controller = Controller(received, hostname="127.0.0.1", port=received.port)
    controller.start()
    try:
        yield received
    finally:
        controller.stop()


@contextmanager
def web_server(refusing: int) -> Iterator[Received]:
    """Run an HTTP server."""
    received = Received(refusing)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            refused = received.refuses()
            if not refused:
                received.ids[self.headers["webhook-id"]] += 1
            self.send_response(503 if refused else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
