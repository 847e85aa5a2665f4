"""Processes that are killed again and again, until one comes to its end."""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable
from typing import Any

# Forked from a server that has loaded everything and opened nothing; there is one, which loads this alone.
_LOADED = "tests.killed_work"


def finish_although_killed(work: Callable[..., None], *given: Any, kills: int, attempts: int) -> int:
    """Do some work in processes, of which the first are killed; return how many were.

    Args:
        work: of `tests.killed_work`; takes what is given and a pipe, which it tells of every part that is
            done, and "finished".
        given: for the work.
        kills: how many processes are killed, two parts on and at another moment of the third each time.
        attempts: how many processes there are at the most.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([_LOADED])
    killed = 0
    for attempt in range(attempts):
        receiver, sender = processes.Pipe(duplex=False)
        process = processes.Process(target=work, args=(*given, sender))
        process.start()
        sender.close()
        last: Any = None
        with contextlib.suppress(EOFError):
            last = receiver.recv()
            if attempt < kills and last != "finished":
                last = receiver.recv()
                time.sleep(0.006 * attempt)
                process.kill()
            while True:
                last = receiver.recv()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        if last == "finished":
            break
    return killed
