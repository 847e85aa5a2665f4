"""The exported heads: a file outside the database that says how far the trail had come.

Without it a trail that is cut or rolled back to an earlier state would look whole. Kept on storage that the
database's administrator cannot write, it also survives somebody who holds the database alone.
"""

import json
import os
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
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = "\n" + line  # a machine stopped in the middle of the line before
                if os.write(descriptor, line.encode()) != len(line):
                    raise AuditError(f"{self.path}: the audit heads cannot be written (the disk is full)")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditError(f"{self.path}: the audit heads cannot be written ({error.strerror})") from None

    def read(self) -> tuple[list[Head], int]:
        """Return the heads in their order, and how many lines are torn; a file that is not there has none.

        Raises:
            AuditError: the file cannot be read.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return [], 0
        except OSError:
            raise AuditError(f"{self.path}: the audit heads cannot be read") from None
        heads, torn = [], 0
        for line in lines:
            try:
                document = json.loads(line)
                heads.append(Head(int(document["sequence"]), str(document["mac"])))
            except (ValueError, KeyError, TypeError):
                torn += 1
        return heads, torn
