"""The commands of promotion: promote, rollback, audit aliases and shadow."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import BadInput, bar, counted, err, out, table_of, working, write_text
from models.options import StateOption
from serving.store_options import KeysOption, StoreOption, opened, operator, read_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.promotion.aliases import Move
    from serving.reviews.adoptions import AcceptedFailure
    from serving.reviews.cases import CaseKind
    from serving.store.store import Store

NameArgument = Annotated[str, typer.Argument(help="A registered model.")]
BecauseOption = Annotated[str, typer.Option("--because", help="The reason, in your words.")]


class Standing(StrEnum):
    """What a version can be promoted to."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"


def promote(
    name: NameArgument,
    to: Annotated[Standing, typer.Option("--to", help="What it is to become.")],
    because: BecauseOption,
    version: Annotated[
        int | None,
        typer.Option(
            "--version", min=1, help="Which one. [of a champion the challenger, else the candidate]"
        ),
    ] = None,
    accept_failed: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-failed",
            help="CHECK_ID:REASON, a failed check of the battery that approvers are asked to live with, "
            "where the procedure allows it; may be repeated. The reason is kept readable with the set: "
            "name no customer in it.",
        ),
    ] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Propose a reviewed version as challenger or champion; others approve it with `case approve`."""
    from serving.governing import governing_procedure
    from serving.promotion.desk import PromotionDesk
    from serving.promotion.reviewed import reviewed_version
    from serving.reviews.cases import CaseKind

    kind = CaseKind.MODEL if to is Standing.CHAMPION else CaseKind.CHALLENGER
    accepted = [_accepted(text) for text in accept_failed or ()]
    actor = operator()
    with opened(store, keys) as found:
        asked = f"{name}/{version}" if version is not None else _to_promote(found, name, kind)
        with working("loading"):
            reviewed = reviewed_version(asked, state)
        desk = PromotionDesk(found, governing_procedure(found, None))
        with found.writing(actor.name) as writing:
            case = desk.promote(writing, actor, reviewed, kind, because, accepted)
    out.print(
        f"Case {case.id}: {case.state}, version {case.version}, "
        f"needs {counted(case.needed, 'approval')} of others before "
        f"{reviewed.served.model_version} is the {to}.",
        markup=False,
        soft_wrap=True,
    )


def rollback(
    name: NameArgument,
    because: BecauseOption,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Let at once govern again what governed before the model; others look at it afterwards, in a case."""
    from serving.governing import governing_procedure
    from serving.promotion.desk import PromotionDesk

    actor = operator()
    with opened(store, keys) as found:
        desk = PromotionDesk(found, governing_procedure(found, None))
        with found.writing(actor.name) as writing:
            done = desk.roll_back(writing, actor, name, because)
        out.print(
            f"{done.after.model_version or 'Catalog and policy without a model'} governs again, instead of "
            f"{done.before.model_version}; a running service has to be started again. Case {done.case.id}: "
            f"needs {counted(done.case.needed, 'approval')} of others to confirm it.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        move_aliases(found, actor.name, state)


def check_aliases(
    names: Annotated[
        list[str] | None, typer.Argument(help="The models to look at. [all that are registered]")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Move aliases to what was adopted; those of models never adopted only where named.",
        ),
    ] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Compare aliases, artefacts and reviews in MLflow with what was adopted; exit code 1 if one differs."""
    from models.registry import registered
    from serving.promotion.aliases import follow, wanted_aliases
    from serving.promotion.cross_check import aliases_outside, differences

    asked = tuple(names or ())
    with opened(store, keys, trusting=not repair) as found:
        if repair:
            with found.reading() as connection:
                known = wanted_aliases(connection, found)
            outside = aliases_outside(registered(state), known, asked) if asked else []
            _tell(follow(found, operator().name, state, outside, asked))
        with working("comparing"):
            lines = differences(found, state, asked)
    for line in lines:
        out.print(f"{line}.", markup=False, highlight=False, soft_wrap=True)
    if lines:
        if not repair:
            told = "`tierwise audit aliases --repair` moves aliases, and brings no file back."
            err.print(told, markup=False, highlight=False)
        raise typer.Exit(1)
    out.print("Aliases, artefacts and reviews are those that were adopted.")


def shadow(
    model: Annotated[
        str | None,
        typer.Option("--model", help="What to try: NAME@candidate or NAME/3. [the adopted challenger]"),
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Decisions as of this day alone.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="As of days from this. [the first]")] = None,
    last: Annotated[str | None, typer.Option("--to", help="As of days to this. [the newest]")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Where the report goes as a document.")] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Decide again on what was decided, by challenger and champion, and compare them; aggregates only."""
    from serving.promotion.recomputed import recompute
    from serving.promotion.shadow import compare
    from serving.promotion.shown import remarks, tables
    from serving.promotion.sides import sides_to_compare

    if as_of is not None and (first is not None or last is not None):
        raise BadInput("give --as-of alone, or --from and --to")
    begin, end = (None if text is None else read_day(text) for text in (as_of or first, as_of or last))
    with opened(store, keys) as found:
        champion, challenger = sides_to_compare(found, model, state)
        with bar("deciding again") as advance:
            decided = recompute(found, champion, challenger, begin, end, advance)
    report = compare(champion, challenger, decided)
    for title, columns, rows in tables(report):
        out.print(table_of(title, columns, rows))
    for line in remarks(report):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    if json is not None:
        write_text(json, report.document())
        out.print(f"Written to {json}.", markup=False, soft_wrap=True)


def move_aliases(store: "Store", actor: str, state: Path | None) -> None:
    """Move the aliases to what was adopted; where that fails, say how it is made up for."""
    from models.registry import RegistryError
    from serving.promotion.aliases import follow

    try:
        moves = follow(store, actor, state)
    except RegistryError as error:
        told = f"{error}: aliases were not moved; `tierwise audit aliases --repair` does it later"
        err.print(told, markup=False, highlight=False, soft_wrap=True)
        return
    _tell(moves)


def _tell(moves: "Sequence[Move]") -> None:
    for move in moves:
        told = f"{move.alias} points at {move.told(move.wanted)} now."
        out.print(told, markup=False, highlight=False, soft_wrap=True)


def _to_promote(store: "Store", name: str, kind: "CaseKind") -> str:
    """Return what is promoted where no version is named."""
    from models.registry import CANDIDATE, model_version
    from serving.promotion.aliases import governing_now
    from serving.reviews.cases import CaseKind

    with store.reading() as connection:
        challenger = governing_now(connection, store).challenger
    registered = None if challenger is None else challenger.registered
    if kind is CaseKind.MODEL and registered is not None and registered[0] == name:
        return model_version(*registered)
    return f"{name}@{CANDIDATE}"


def _accepted(text: str) -> "AcceptedFailure":
    from serving.reviews.adoptions import AcceptedFailure

    check, separator, reason = text.partition(":")
    if not (check.strip() and separator and reason.strip()):
        raise BadInput("--accept-failed takes CHECK_ID:REASON")
    return AcceptedFailure(check.strip(), reason.strip())
