"""The exported heads: a file outside the database that says how far the trail had come.

Without it a trail that is cut or rolled back to an earlier state would look whole. Kept on storage that the
database's administrator cannot write, it also survives somebody who holds the database alone.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from serving.audit.chain import AuditError, Head


class Heads:
    """A file of one line for each transaction that wrote entries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def export(self, head: Head) -> None:
        """Add a head, on the disk before this returns.

        Raises:
            AuditError: the file cannot be written.
        """
        line = json.dumps({"sequence": head.sequence, "mac": head.mac}, separators=(",", ":")) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # One short write to a file opened for appending: lines of several processes do not mix.
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o640)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditError(f"{self.path}: the audit heads cannot be written ({error.strerror})") from None

    def __iter__(self) -> Iterator[Head]:
        """Read the heads in their order; a file that is not there has none.

        Raises:
            AuditError: a line is no head.
        """
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError):
            raise AuditError(f"{self.path}: the audit heads cannot be read") from None
        for number, line in enumerate(lines, 1):
            try:
                document = json.loads(line)
                yield Head(int(document["sequence"]), str(document["mac"]))
            except (ValueError, KeyError, TypeError):
                # A machine that stops in the middle of a write leaves a part of the last line.
                if number == len(lines):
                    return
                raise AuditError(f"{self.path}: line {number} is no head") from None
