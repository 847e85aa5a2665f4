"""Addresses of e-mail and webhooks: checked before anything is sent there."""

import ipaddress
from urllib.parse import urlsplit

_LONGEST = 500
# NAT64 (RFC 6052) and IPv4-compatible addresses (RFC 4291): the last 32 bits are an IPv4 address.
_LAST_BITS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


class AddressError(ValueError):
    """An address cannot be used; what it must be, never the address itself."""


def check_email(text: str) -> str:
    """Return an e-mail address as it is written to: the domain in ASCII. Nobody is asked whether it exists.

    Raises:
        AddressError: it is none, or only servers that know SMTPUTF8 could take it.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise AddressError("must be an e-mail address, such as name@example.org") from None
    if checked.ascii_email is None:
        raise AddressError("must be an e-mail address in ASCII letters before the @")
    return checked.ascii_email


def check_webhook(text: str, *, inside: bool) -> str:
    """Return a webhook's address.

    Args:
        text: the address.
        inside: whether it may lead into the company's own network, and be http://.

    Raises:
        AddressError: it is none, carries a password, or is not allowed.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or len(text) > _LONGEST or not text.isascii() or any(not "!" <= c <= "~" for c in text):
        raise AddressError("must be an address such as https://example.org/notices")
    if parts.username or parts.password or parts.fragment:
        raise AddressError("must be an address without user, password and fragment")
    if parts.scheme != "https" and not (inside and parts.scheme == "http"):
        raise AddressError("must begin with https://")
    if not inside and not is_outside(host):
        raise AddressError("must not lead into a private network")
    return text


def is_outside(host: str) -> bool:
    """Whether a host, where it is an IP address, is one of the public internet; a name always passes."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().rstrip(".") != "localhost" and not host.lower().endswith(".localhost")
    if isinstance(address, ipaddress.IPv6Address):
        # Whether 6to4 is of the public internet, Pythons say differently; what it leads on to is.
        outside = address.is_global or address.sixtofour is not None
        return outside and all(inner.is_global for inner in _embedded(address))
    return address.is_global


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads on to."""
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _LAST_BITS):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in found if inner is not None]
