"""Webhooks, signed as Standard Webhooks has it (https://www.standardwebhooks.com, symmetric, v1)."""

import base64
import binascii
import hashlib
import hmac
import os
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from serving.confidential.keyring import Keyring
from serving.notices.addresses import is_outside
from serving.notices.delivery import NotDelivered, NotSetUp, Reason
from serving.notices.rendering import Content

SECRET_PREFIX = "TIERWISE_WEBHOOK_SECRET_"
_MARK = "whsec_"
# Of the refusals of a request those that may not be for good.
_PASSING = frozenset({401, 403, 404, 407, 408, 409, 423, 425, 429})


def customer_secret(keyring: Keyring, customer: str) -> str:
    """Return the secret that signs one customer's webhooks, which the customer may be told."""
    purpose = f"webhooks of customer {customer}".encode()
    return _MARK + base64.b64encode(hmac.new(keyring.links, purpose, hashlib.sha256).digest()).decode()


def signature(secret: str, notice: str, seconds: int, payload: bytes) -> str:
    """Return the header webhook-signature.

    Args:
        secret: `whsec_` and the key in base64.
        notice: the header webhook-id.
        seconds: the header webhook-timestamp.
        payload: the body.

    Raises:
        ValueError: the secret is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_MARK), validate=True)
    except binascii.Error:
        raise ValueError("is no secret") from None
    if not secret.startswith(_MARK) or not 24 <= len(key) <= 64:
        raise ValueError("is no secret")
    signed = f"{notice}.{seconds}.".encode() + payload
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Webhooks:
    """Hands notices over by HTTP."""

    def __init__(
        self, keyring: Keyring, timeout: float, *, inside: bool, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Take up what is needed.

        Args:
            keyring: from which customers' secrets come.
            timeout: seconds that a receiver has for each answer.
            inside: whether customers' webhooks may lead into the company's own network.
            environment: has the departments' secrets.
        """
        self._keyring, self._inside, self._environment = keyring, inside, environment
        self._timeout = timeout
        self._client: httpx.Client | None = None

    def server_of(self, content: Content) -> str:
        """A server is known by its scheme, name and port."""
        parts = urlsplit(content.address)
        return f"{parts.scheme}://{parts.netloc}"

    def deliver(self, notice: str, customer: str, content: Content, at: datetime) -> None:
        """Post a notice; see `Transport.deliver`."""
        seconds = int(at.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tierwise",
            "Idempotency-Key": notice,
            "webhook-id": notice,
            "webhook-timestamp": str(seconds),
            "webhook-signature": self._signature(notice, customer, content, seconds),
        }
        if content.secret is None and not self._inside:
            _check_outside(content.address)
        try:
            # What the receiver has to say beside its status is not read.
            with self._opened().stream(
                "POST", content.address, content=content.payload, headers=headers
            ) as response:
                status = response.status_code
        except httpx.TimeoutException:
            raise NotDelivered(Reason.TIMEOUT) from None
        except httpx.ConnectError as error:
            failed = "certificate" in str(error).lower() or "ssl" in str(error).lower()
            raise NotDelivered(Reason.TLS if failed else Reason.UNREACHABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise NotDelivered(Reason.INTERRUPTED) from None
        if not 200 <= status < 300:
            raise NotDelivered(_reason(status))

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()

    def _opened(self) -> httpx.Client:
        if self._client is None:
            # No proxy, which would look names up anew, no .netrc, and nobody's cookies are kept for others.
            self._client = httpx.Client(
                timeout=self._timeout,
                follow_redirects=False,
                trust_env=False,
                verify=ssl.create_default_context(),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
        return self._client

    def _signature(self, notice: str, customer: str, content: Content, seconds: int) -> str:
        if content.secret is None:
            return signature(customer_secret(self._keyring, customer), notice, seconds, content.payload)
        name = SECRET_PREFIX + content.secret
        try:
            return signature(self._environment.get(name, ""), notice, seconds, content.payload)
        except ValueError:
            raise NotSetUp(
                f"{name} is not set to a secret, whsec_ and 24 to 64 bytes in base64: its webhooks wait"
            ) from None


def _check_outside(address: str) -> None:
    """Refuse an address whose name leads into a private network, unless the company allows that."""
    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotDelivered(Reason.UNREACHABLE) from None
    if not all(is_outside(str(place[0])) for *_, place in found):
        raise NotDelivered(Reason.REFUSED)


def _reason(status: int) -> Reason:
    if 300 <= status < 400:
        return Reason.REDIRECTED
    return Reason.REFUSED if 400 <= status < 500 and status not in _PASSING else Reason.TEMPORARY
