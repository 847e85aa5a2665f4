"""A case as the command line prints it: its state, and what each kind of case is about."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.terminal import BadInput, counted, evaluated, out, shown_of, table_of, write_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from serving.reviews.cases import Case
    from serving.store.store import Store

MOST_SHOWN = 50


def print_case(case: "Case") -> None:
    """Print in one line how a case stands."""
    out.print(
        f"Case {case.id}: {case.state}, version {case.version}, needs {counted(case.needed, 'approval')}.",
        markup=False,
        soft_wrap=True,
    )


def print_plainly(line: str) -> None:
    """Print a line as it is, without markup, however long it is."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def print_items(connection: "Connection", store: "Store", case: "Case") -> None:
    """Print the customers of a list."""
    from serving.reviews.cases import items_of
    from serving.store.customers import ids_of

    items = items_of(connection, case.id)
    shown = items[:MOST_SHOWN]
    ids = ids_of(connection, store.keyring, {of.customer for of in shown})
    rows = [
        (ids[of.customer], str(of.old_tier or "—"), str(of.proposed_tier),
         f"pulled out into {of.pulled_out}" if of.pulled_out else "")
        for of in shown
    ]  # fmt: skip
    title = f"{counted(len(items), 'customer')}{shown_of(len(rows), len(items))}"
    out.print(table_of(title, ("customer", "from", "to", ""), rows))


def print_alarm(connection: "Connection", case: "Case") -> None:
    """Print what monitoring found."""
    from serving.reviews.alarms import alarm_of

    alarm = alarm_of(connection, case)
    subject = alarm.subject
    out.print(
        f"{alarm.names['en']}: {subject['model_version'] or 'the model'} on "
        f"{subject['customers']:,} customers, {evaluated(subject['first_as_of'], subject['last_as_of'])}, "
        f"by {subject['on']}.",
        markup=False,
        soft_wrap=True,
    )
    rows = [
        (of["name"]["en"], _number(of["value"]), *_bounds(of["threshold"]), f"{of['n']:,}")
        for of in alarm.results[:MOST_SHOWN]
    ]  # fmt: skip
    out.print(
        table_of(f"{len(alarm.results):,} checks alarm", ("check", "value", "from", "to", "customers"), rows)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _bounds(threshold: "dict[str, float | None] | None") -> tuple[str, str]:
    bounds = threshold or {}
    return _number(bounds.get("low")), _number(bounds.get("high"))


def print_places(connection: "Connection", case: "Case") -> None:
    """Print where what is proposed to govern differs from what is adopted."""
    from serving.reviews.subjects import proposed_changes

    changed = proposed_changes(connection, case)
    rows = [(of.place, of.before or "—", of.after or "—") for of in changed[:MOST_SHOWN]]
    title = f"{counted(len(changed), 'change')} proposed{shown_of(len(rows), len(changed))}"
    out.print(table_of(title, ("place", "adopted", "proposed"), rows))


def print_changed(connection: "Connection", store: "Store", case: str, customer: str) -> None:
    """Print what a customer objects to, and what has changed in points since last time."""
    from serving.notices.feedback import objections_in
    from serving.reviews.differences import differences

    for of in objections_in(connection, store.keyring, case):
        print_plainly(f"Objection of {of.at:%Y-%m-%d}, {of.outcome}: {of.text or '(erased)'}")
    lines = [
        (of.indicator, f"{of.before:+.3f}", f"{of.after:+.3f}", f"{of.change:+.3f}")
        for of in differences(connection, store.keyring, customer, store.clock())
    ]
    if not lines:
        print_plainly(
            "Nothing has changed in points since last time, or there is no evaluation to compare with."
        )
        return
    out.print(table_of("Changed since last time, in points", ("indicator", "before", "now", "change"), lines))


def print_reviews(connection: "Connection", subject: str) -> None:
    """Print what reviewers were told of a model that is proposed."""
    from serving.promotion.battery_told import compared_lines, line_of
    from serving.promotion.gate import summary_of

    told = summary_of(connection, subject)
    if told is None:
        return
    battery = told["battery"]
    lines = [f"Battery: {_battery_line(battery)}"]
    if battery["limits_given"]:
        lines.append(f"Battery: not by the default limits ({', '.join(battery['limits_given'])})")
    lines += [*compared_lines(battery), *(line_of(part) for part in battery["not_judged"])]
    lines += [f"Battery recorded before: {_battery_line(of)}" for of in told["earlier_batteries"]]
    reasons = told["reasons"]
    asked = f"{reasons['customers']} customers and {reasons['variants']} variants"
    lines.append(f"Reasons: {reasons['verdict']} on {asked}, {reasons['with_model']} of them with a model")
    lines += [
        f"To be accepted though it failed: {of['check']} ({of['name']}): {of['reason']}"
        for of in told["accepted"]
    ]
    for line in lines:
        print_plainly(line)


def _battery_line(battery: "dict[str, Any]") -> str:
    if not battery["counts"]:
        return str(battery["verdict"])
    shown = ", ".join(f"{count} {of.replace('_', ' ')}" for of, count in battery["counts"].items())
    customers = f"{battery['customers']} customers, {battery['bad']} bad"
    days = evaluated(battery["first_as_of"], battery["last_as_of"])
    return f"{battery['verdict']} ({shown}) on {customers}, {days}, data {str(battery['data_hash'])[:12]}"


def write_reviews(connection: "Connection", subject: str, folder: Path) -> None:
    """Write the documents of what reviewers were told to a folder, which is made where there is none.

    Raises:
        BadInput: it cannot be made, or not written to.
    """
    from serving.promotion.gate import documents_of

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror})") from None
    for kind, document in documents_of(connection, subject).items():
        file = folder / f"{kind}.json"
        write_text(file, document.decode("utf-8"))
        print_plainly(f"Written to {file}.")
