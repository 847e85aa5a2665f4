"""Who signed a model: the acts of the cases on it, as the model card shows them."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from models.registry import CHALLENGER, CHAMPION
from models.sign_off import SignOff
from serving.procedure import Procedure
from serving.reviews.adoptions import ServedSet, kept_set
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import OF_MODELS, Act, Case, CaseKind, CaseReason, CaseState, load_case
from serving.store.case_tables import case_acts, cases
from serving.store.store import Store

_ALIASES = {CaseKind.MODEL: CHAMPION, CaseKind.CHALLENGER: CHALLENGER}


def sign_offs_of(store: Store, hashes: tuple[str, str, str | None]) -> list[SignOff]:
    """Return who proposed, approved or rejected a set of catalog, policy and model, in the order of the acts.

    A proposer's findings are their reason, and the failed checks to be lived with, each with its own. The
    review of a rollback is left out: it judges the return from another version, and signs none. So are cases
    that were withdrawn.

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
        kinds = [str(kind) for kind in OF_MODELS]
        of_versions = (
            cases.c.kind.in_(kinds)
            & (cases.c.reason != str(CaseReason.ROLLBACK))
            & (cases.c.state != str(CaseState.WITHDRAWN))
        )
        ids = connection.execute(select(cases.c.id).where(of_versions)).scalars().all()
        for case in (load_case(connection, id_) for id_ in ids):
            set_ = kept_set(connection, case.subject or "")
            if set_.hashes == hashes:
                found += _proposed(connection, book, case, set_)
                found += _judged(connection, book, case)
    return sorted(found, key=lambda one: one.at)


def _proposed(connection: Connection, book: CaseBook, case: Case, set_: ServedSet) -> Iterator[SignOff]:
    accepted = () if set_.promotion is None else set_.promotion.accepted
    reason = book.justification(connection, case)
    acts = select(case_acts.c.actor, case_acts.c.at).where(
        case_acts.c.case == case.id, case_acts.c.act == str(Act.PROPOSED)
    )
    for row in connection.execute(acts):
        said = [] if reason is None else [reason]
        said += [f"{failure.check}: {failure.reason}" for failure in accepted]
        yield SignOff(
            "proposer", row.actor, row.at, str(Act.PROPOSED), tuple(said), (), _ALIASES[case.kind], case.id
        )


def _judged(connection: Connection, book: CaseBook, case: Case) -> Iterator[SignOff]:
    for one in book.judged(connection, case):
        if one.version == case.version:
            said, conditions = (one.judgement.findings, one.because), one.judgement.conditions
            yield SignOff(
                "approver",
                one.actor,
                one.at,
                str(one.act),
                tuple(text for text in said if text is not None),
                () if conditions is None else (conditions,),
                _ALIASES[case.kind],
                case.id,
            )
