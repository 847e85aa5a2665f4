"""Why a database cannot be reached: where it should be, and the cause in a few words, never its password."""

from sqlalchemy.engine import URL

# By what the drivers say, for at connecting they give no code. The first that fits counts.
_CAUSES = (
    ("failed to resolve host", "there is no host of this name"),
    ("could not translate host name", "there is no host of this name"),
    ("connection refused", "nothing listens there"),
    ("no such file or directory", "there is no server's socket in that folder"),
    ("timeout", "there is no answer in time"),
    ("timed out", "there is no answer in time"),
    ("unreachable", "there is no way to that host"),
    ("no password supplied", "the server asks for a password and none is given"),
    ("password authentication failed", "user or password is wrong"),
    ("no pg_hba.conf entry", "the server does not let this user in from here"),
    ("authentication failed", "the server does not let this user in"),
    ("certificate", "its certificate is not accepted"),
    ("ssl", "there is no encrypted connection with it"),
    ("too many", "the server has too many connections"),
    ("starting up", "the server is starting up"),
    ("shutting down", "the server is shutting down"),
    ("unable to open database file", "the file cannot be opened"),
    ("file is not a database", "the file is no SQLite database"),
    ("readonly", "the file cannot be written"),
    ("database is locked", "another program holds the file"),
    ("disk i/o", "the disk has failed"),
)


def why_unreachable(address: URL, error: BaseException | None) -> str:
    """Return where a database should be, and why it cannot be reached.

    Args:
        address: its address, whose password is left out.
        error: the driver's, of whose text nothing is told, for it may hold anything.
    """
    return f"{_place(address)}: {_cause(error)}"


def _place(address: URL) -> str:
    if address.get_backend_name() == "sqlite":
        return f"the file {address.database}"
    # A socket's folder, or the host itself, can stand in the query.
    asked = address.query.get("host")
    host = address.host or (asked if isinstance(asked, str) else None) or "this machine's socket"
    return f"host {host}, port {address.port or 5432}, database {address.database or address.username}"


def _cause(error: BaseException | None) -> str:
    said = str(error).lower()
    if "does not exist" in said:
        return "there is no such user" if "role " in said else "there is no such database"
    return next((cause for text, cause in _CAUSES if text in said), type(error).__name__)
