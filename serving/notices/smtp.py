"""E-mail by SMTP: the server, how it is reached and who logs in come from the environment."""

import os
import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from serving.notices.delivery import NotDelivered, NotSetUp, Reason
from serving.notices.rendering import Content
from serving.settings import SettingsError

HOST_VARIABLE, PORT_VARIABLE = "TIERWISE_SMTP_HOST", "TIERWISE_SMTP_PORT"
SECURITY_VARIABLE, AUTHORITIES_VARIABLE = "TIERWISE_SMTP_SECURITY", "TIERWISE_SMTP_CA"
USER_VARIABLE, PASSWORD_VARIABLE = "TIERWISE_SMTP_USER", "TIERWISE_SMTP_PASSWORD"


class Security(StrEnum):
    """How the way to the server is protected; nothing is sent in the clear unless that is chosen."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, repr=False)
class SmtpSettings:
    """Where e-mail is handed over; `authorities` is a file of certificates instead of the system's."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = None
    authorities: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "SmtpSettings | None":
        """Read the settings; None where there is no server.

        Raises:
            SettingsError: one of them is wrong.
        """
        host = environment.get(HOST_VARIABLE)
        if not host:
            return None
        named = environment.get(SECURITY_VARIABLE) or Security.STARTTLS
        if named not in tuple(Security):
            raise SettingsError(f"{SECURITY_VARIABLE}: must be one of {', '.join(Security)}")
        security = Security(named)
        port = environment.get(PORT_VARIABLE) or str(_PORTS[security])
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise SettingsError(f"{PORT_VARIABLE}: must be a number from 1 to 65535")
        user, password = environment.get(USER_VARIABLE), environment.get(PASSWORD_VARIABLE)
        if bool(user) != bool(password):
            raise SettingsError(f"{USER_VARIABLE} and {PASSWORD_VARIABLE}: give both or neither")
        for name in (USER_VARIABLE, PASSWORD_VARIABLE):
            if not environment.get(name, "").isascii():
                raise SettingsError(f"{name}: must be ASCII, as SMTP has it")
        authorities = environment.get(AUTHORITIES_VARIABLE)
        if authorities and not Path(authorities).is_file():
            raise SettingsError(f"{AUTHORITIES_VARIABLE}: is no file")
        return cls(
            host, int(port), security, user or None, password or None,
            Path(authorities) if authorities else None,
        )  # fmt: skip


class Mail:
    """Hands e-mail over; a connection serves for many."""

    def __init__(self, settings: SmtpSettings | None, timeout: float) -> None:
        self._settings, self._timeout = settings, timeout
        self._open: smtplib.SMTP | None = None

    def server_of(self, content: Content) -> str:
        """All e-mail goes by one server."""
        return "smtp"

    def deliver(self, notice: str, customer: str, content: Content, at: datetime) -> None:
        """Hand a mail over; see `Transport.deliver`."""
        if self._settings is None:
            raise NotSetUp(f"{HOST_VARIABLE} is not set: e-mail waits")
        try:
            server = self._connected(self._settings)
            server.sendmail(content.sender or "", [content.address], content.payload)
        except OSError as error:  # smtplib's own are such, too
            self.close()
            raise NotDelivered(_reason(error)) from None

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            with suppress(OSError):
                self._open.quit()
            self._open.close()
            self._open = None

    def _connected(self, settings: SmtpSettings) -> smtplib.SMTP:
        if self._open is not None:
            with suppress(OSError):
                if self._open.noop()[0] == 250:
                    return self._open
            self.close()
        place, me = (settings.host, settings.port), socket.gethostname()
        if settings.security is Security.TLS:
            trusted = ssl.create_default_context(cafile=settings.authorities)
            self._open = smtplib.SMTP_SSL(*place, me, timeout=self._timeout, context=trusted)
        else:
            self._open = smtplib.SMTP(*place, me, timeout=self._timeout)
        if settings.security is Security.STARTTLS:
            self._open.starttls(context=ssl.create_default_context(cafile=settings.authorities))
        if settings.user is not None and settings.password is not None:
            self._open.login(settings.user, settings.password)
        return self._open


def _reason(error: Exception) -> Reason:
    match error:
        case smtplib.SMTPRecipientsRefused():
            # Each mail has one recipient.
            code, _ = next(iter(error.recipients.values()))
            return _of_code(code)
        case smtplib.SMTPAuthenticationError():
            return Reason.LOGIN
        case smtplib.SMTPNotSupportedError():
            return Reason.TLS
        case smtplib.SMTPConnectError():
            return Reason.UNREACHABLE
        case smtplib.SMTPHeloError() | smtplib.SMTPSenderRefused():
            return Reason.SENDER
        case smtplib.SMTPResponseException():
            return _of_code(error.smtp_code)
        case smtplib.SMTPServerDisconnected():
            hung = isinstance(error.__context__, TimeoutError)
            return Reason.TIMEOUT if hung else Reason.INTERRUPTED
        case ssl.SSLError():
            return Reason.TLS
        case TimeoutError():
            return Reason.TIMEOUT
        case OSError() if not isinstance(error, smtplib.SMTPException):
            return Reason.UNREACHABLE
        case _:
            return Reason.INTERRUPTED


def _of_code(code: int) -> Reason:
    return Reason.REFUSED if 500 <= code < 600 else Reason.TEMPORARY
