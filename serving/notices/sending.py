"""One round of sending: changes become notices, those that are due are handed over, and each is recorded.

No transaction is open while somebody else's server is spoken to. Stopped between hand-over and record, the
next round hands over again, with the same id and content; stopped anywhere else, nothing happens twice.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from serving.confidential.keyring import MasterMissing
from serving.notices.delivery import OUT_OF_REACH, NotDelivered, NotSetUp, Reason, Transport
from serving.notices.outbox import NoticeState, Outbox, log_failure
from serving.notices.rendering import Channel
from serving.notices.smtp import Mail, SmtpSettings
from serving.notices.turn import sending_turn
from serving.notices.webhooks import Webhooks
from serving.store.database import StoreError


@dataclass
class Round:
    """What came of a round.

    `waiting` were due and not tried; `hints` name settings that are missing. `skipped` changes and notices
    failed in a way that nobody foresaw: the log says where. `busy`: it was another's turn.
    """

    queued: int = 0
    sent: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = 0
    skipped: int = 0
    busy: bool = False
    hints: set[str] = field(default_factory=set)


def transports_of(outbox: Outbox, environment: Mapping[str, str] = os.environ) -> dict[Channel, Transport]:
    """Return the channels as the environment sets them up.

    Raises:
        SettingsError: a setting is wrong.
    """
    rules = outbox.rules
    return {
        Channel.EMAIL: Mail(SmtpSettings.from_environment(environment), rules.timeout_seconds),
        Channel.WEBHOOK: Webhooks(
            outbox.store.keyring, rules.timeout_seconds, inside=rules.inside_webhooks, environment=environment
        ),
    }


def send_due(
    outbox: Outbox,
    transports: Mapping[Channel, Transport],
    actor: str,
    stopping: Callable[[], bool] = lambda: False,
) -> Round:
    """Send what is due, unless somebody else is doing so; `stopping` is asked before each notice.

    Raises:
        StoreError: the store cannot be read or written.
    """
    done, down = Round(), set[str]()
    with sending_turn(outbox.store.database) as mine, ExitStack() as stack:
        if not mine:
            done.busy = True
            return done
        for transport in transports.values():
            stack.callback(transport.close)
        queued = outbox.queue(actor)
        done.queued, done.waiting, done.skipped = queued.notices, queued.unsigned, queued.skipped
        if queued.unsigned:
            done.hints.add("notices: sender: is not set in the procedure: e-mail waits")
        for notice in outbox.due(outbox.store.clock()):
            if stopping():
                break
            _send(outbox, transports, actor, notice, done, down)
    return done


def _send(
    outbox: Outbox,
    transports: Mapping[Channel, Transport],
    actor: str,
    id_: str,
    done: Round,
    down: set[str],
) -> None:
    try:
        taken = outbox.take(id_)
    except MasterMissing as missing:
        done.waiting += 1
        done.hints.add(str(missing))
        return
    except (SQLAlchemyError, StoreError):
        raise
    except Exception as error:
        log_failure(error)
        done.skipped += 1
        return
    if taken is None:
        return
    notice, content = taken
    failed: Reason | None
    if isinstance(content, Reason):
        failed = content
    else:
        transport = transports[content.channel]
        server = transport.server_of(content)
        if server in down:
            done.waiting += 1
            return
        try:
            transport.deliver(notice.id, notice.customer, content, outbox.store.clock())
            failed = None
        except NotSetUp as missing:
            done.waiting += 1
            done.hints.add(str(missing))
            return
        except NotDelivered as error:
            failed = error.reason
            if failed in OUT_OF_REACH:
                down.add(server)
        except Exception as error:
            # Whether it was taken nobody knows; that it was tried is recorded, so that it is not for ever.
            log_failure(error)
            failed = Reason.INTERRUPTED
    with outbox.store.writing(actor) as writing:
        match outbox.record(writing, notice, failed):
            case NoticeState.SENT:
                done.sent += 1
            case NoticeState.DEAD:
                done.dead += 1
            case _:
                done.failed += 1
