"""Who signed a model: the acts of the cases on it, as the model card shows them."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from models.registry import CHALLENGER, CHAMPION
from models.sign_off import Outcome, SignOff
from serving.procedure import Procedure
from serving.reviews.adoptions import ServedSet, kept_set
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import OF_MODELS, Act, Case, CaseKind, CaseReason, CaseState, load_case
from serving.reviews.subjects import rolled_back_from
from serving.store.case_tables import case_acts, cases
from serving.store.store import Store

_ALIASES = {CaseKind.MODEL: CHAMPION, CaseKind.CHALLENGER: CHALLENGER}
_OUTCOMES = {
    CaseState.EFFECTIVE: Outcome.EFFECTIVE,
    CaseState.REJECTED: Outcome.REJECTED,
    CaseState.WITHDRAWN: Outcome.WITHDRAWN,
}
_OF_ROLLBACK = {Act.APPROVED: "rollback_confirmed", Act.REJECTED: "rollback_rejected"}


def sign_offs_of(store: Store, hashes: tuple[str, str, str | None]) -> list[SignOff]:
    """Return who decided what of a set of catalog, policy and model, in the order of the acts.

    That is who proposed it, approved, rejected or withdrew, each with what became of the case; and of a
    rollback by which it governs again, or that was from it, who made it and who looked at it afterwards.

    A proposer's findings are their reason, and the failed checks to be lived with, each with its own.

    Args:
        store: where it was decided.
        hashes: of catalog, policy and the model's content (`ServedSet.hashes`).

    Raises:
        StoreError: a document is not in the store, or was changed.
        SealError: what somebody wrote was changed.
    """
    book = CaseBook(store, Procedure())
    found: list[SignOff] = []
    with store.reading() as connection:
        of_models = cases.c.kind.in_([str(kind) for kind in OF_MODELS])
        ids = connection.execute(select(cases.c.id).where(of_models)).scalars().all()
        for case in (load_case(connection, id_) for id_ in ids):
            set_ = kept_set(connection, case.subject or "")
            if case.reason is CaseReason.ROLLBACK:
                found += _rolled_back(connection, book, case, set_, hashes)
            elif set_.hashes == hashes:
                found += _proposed(connection, book, case, set_)
                found += _judged(connection, book, case)
    return sorted(found, key=lambda one: one.at)


def _proposed(connection: Connection, book: CaseBook, case: Case, set_: ServedSet) -> Iterator[SignOff]:
    """Yield who proposed, and who withdrew that again."""
    accepted = () if set_.promotion is None else set_.promotion.accepted
    reason = book.justification(connection, case)
    said = [] if reason is None else [reason]
    said += [f"{failure.check}: {failure.reason}" for failure in accepted]
    acts = select(case_acts.c.actor, case_acts.c.at, case_acts.c.act).where(
        case_acts.c.case == case.id, case_acts.c.act.in_([str(Act.PROPOSED), str(Act.WITHDRAWN)])
    )
    for row in connection.execute(acts):
        yield SignOff(
            "proposer", row.actor, row.at, row.act, tuple(said) if row.act == Act.PROPOSED else (),
            alias=_ALIASES[case.kind], case=case.id, outcome=_outcome(case),
        )  # fmt: skip


def _judged(connection: Connection, book: CaseBook, case: Case, other: str = "") -> Iterator[SignOff]:
    """Yield who approved or rejected; of a rollback, who looked at it afterwards."""
    rollback = case.reason is CaseReason.ROLLBACK
    for one in book.judged(connection, case):
        if one.version == case.version:
            said, conditions = (one.judgement.findings, one.because), one.judgement.conditions
            yield SignOff(
                "approver",
                one.actor,
                one.at,
                _OF_ROLLBACK[one.act] if rollback else str(one.act),
                tuple(text for text in said if text is not None),
                () if conditions is None else (conditions,),
                _ALIASES[case.kind],
                case.id,
                _outcome(case),
                other,
            )


def _rolled_back(
    connection: Connection, book: CaseBook, case: Case, again: ServedSet, hashes: tuple[str, str, str | None]
) -> Iterator[SignOff]:
    """Yield a rollback to or from a set; nothing of one between others."""
    before = rolled_back_from(connection, case)
    if hashes == again.hashes:
        decision, other = "governs_again", before
    elif before is not None and hashes == before.hashes:
        decision, other = "rolled_back", again
    else:
        return
    named = "" if other is None else other.model_version or ""
    opened, reason = book.opened(connection, case), book.justification(connection, case)
    yield SignOff(
        "rollback", opened.actor, opened.at, decision, () if reason is None else (reason,),
        alias=_ALIASES[case.kind], case=case.id, outcome=_outcome(case), other=named,
    )  # fmt: skip
    yield from _judged(connection, book, case, named)


def _outcome(case: Case) -> Outcome:
    return _OUTCOMES.get(case.state, Outcome.OPEN)
