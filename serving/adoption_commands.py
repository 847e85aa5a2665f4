"""The commands of what governs: adopt propose and adopt show."""

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import BadInput, counted, out, table_of
from models.options import CatalogOption, PolicyOption
from serving.days import end_of
from serving.store_options import KeysOption, StoreOption, opened, operator, read_day


def propose(
    because: Annotated[str, typer.Option("--because", help="The reason, in your words.")],
    procedure: Annotated[
        Path | None, typer.Argument(help="A procedure: a YAML file; or name catalog and policy.")
    ] = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Propose a procedure, or catalog and policy without a model; others approve it with `case approve`."""
    from serving.chosen import chosen_served
    from serving.governing import governing_procedure
    from serving.procedure import load_procedure
    from serving.reviews.subjects import GovernanceDesk

    if (procedure is None) == (not (catalog or policy)):
        raise BadInput(
            "name what is to be adopted: a procedure's file, or --catalog and --policy; a model with both is "
            "promoted: tierwise promote NAME --to champion"
        )
    actor = operator()
    with opened(store, keys) as found:
        desk = GovernanceDesk(found, governing_procedure(found, None))
        if procedure is not None:
            rules = load_procedure(procedure)
            with found.writing(actor.name) as writing:
                case = desk.propose_procedure(writing, actor, rules, because)
        else:
            served = chosen_served(None, catalog, policy, None)
            with found.writing(actor.name) as writing:
                case = desk.propose_served(writing, actor, served, because)
    out.print(
        f"Case {case.id}: {case.state}, version {case.version}, "
        f"needs {counted(case.needed, 'approval')} of others.",
        markup=False,
        soft_wrap=True,
    )


def show(
    on: Annotated[str | None, typer.Option("--on", help="The day, at its end in UTC. [now]")] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Show what is adopted, since when, by which case, and who approved it."""
    from serving.procedure import Procedure
    from serving.promotion.trail import require_vouched
    from serving.reviews.adoptions import (
        adoption_at,
        approvers_of,
        challenger_at,
        kept_procedure,
        kept_set,
    )
    from serving.reviews.case_book import CaseBook
    from serving.reviews.cases import CaseKind, load_case

    with opened(store, keys) as found, found.reading() as connection:
        moment = found.clock() if on is None else end_of(read_day(on))
        require_vouched(connection, found.keyring)
        rows, conditions = [], []
        for kind in (CaseKind.PROCEDURE, CaseKind.MODEL, CaseKind.CHALLENGER):
            if kind is CaseKind.CHALLENGER:
                adoption = challenger_at(connection, moment)
            else:
                adoption = adoption_at(connection, kind, moment)
            if adoption is None:
                rows.append((str(kind), "nothing yet", "", "", ""))
                continue
            if kind is CaseKind.PROCEDURE:
                rules = kept_procedure(connection, adoption.hash)
                name = f"{rules.procedure} v{rules.version}"
            else:
                name = kept_set(connection, adoption.hash).model_version or "no model"
            approvers = ", ".join(approvers_of(connection, adoption.case))
            rows.append(
                (str(kind), f"{name} ({adoption.hash[:12]})", f"{adoption.valid_from:%Y-%m-%d %H:%M}",
                 adoption.case, approvers)
            )  # fmt: skip
            # Whatever the procedure: nothing is done by it here.
            book = CaseBook(found, Procedure())
            conditions += [
                f"{kind}, a condition of {of.actor}: {of.judgement.conditions}"
                for of in book.judged(connection, load_case(connection, adoption.case))
                if of.judgement.conditions is not None
            ]
    out.print(table_of("Adopted", ("kind", "what", "since", "case", "approved by"), rows))
    for line in conditions:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
