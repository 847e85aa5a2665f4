"""What a walk through the years found, as tables and as one document: the same figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from training.monitoring.alternatives import Alternative
from training.monitoring.kinds import AlarmKind
from training.monitoring.walk import AT_ONCE, ON_OUTCOMES, Outcome, Watch, YearWalked
from training.report import Grid

_NOTHING = "—"


def grids(years: Sequence[YearWalked], watches: Sequence[Watch]) -> tuple[Grid, ...]:
    """Return predictions, ranking, wrong tiers and alarms by year, and when a model's alarms were given."""
    return (_predictions(years), _figures(years), _wrong(years), _alarms(years), _first_alarms(watches))


def document(years: Sequence[YearWalked], watches: Sequence[Watch]) -> dict[str, Any]:
    """Return all of it for a line of JSON; of alarms how many checks give one, None where nothing is told."""
    return {
        "years": [_year(of) for of in years],
        "quarters": [
            {
                "day": str(of.day),
                "alarms": {kind: None if ids is None else len(ids) for kind, ids in of.alarms.items()},
                "level": None if of.level is None else round(of.level, 3),
            }
            for of in watches
        ],
        "first_alarm": {
            kind: None if day is None else str(day) for kind, day in first_alarms(watches).items()
        },
    }


def first_alarms(watches: Sequence[Watch]) -> dict[AlarmKind, Any]:
    """Return the first day on which each kind of alarm was given; None where it never was."""
    return {kind: next((of.day for of in watches if of.alarms.get(kind)), None) for kind in AlarmKind}


def _year(of: YearWalked) -> dict[str, Any]:
    return {
        "year": of.year,
        "customers": of.customers,
        "bad": of.bad,
        "bad_rate": round(of.bad_rate, 4),
        "known_on": str(of.known_on),
        "matured_on": str(of.matured_on),
        "trained_on_bad": of.trained_on_bad,
        "alternatives": {str(name): _outcome(outcome) for name, outcome in of.outcomes.items()},
    }


def _outcome(of: Outcome) -> dict[str, Any]:
    return {
        "predicted": round(of.predicted, 4),
        "auc": round(of.metrics.auc, 4),
        "log_loss": round(of.metrics.log_loss, 4),
        "ece": round(of.metrics.ece, 4),
        "wrong": round(of.wrong.wrong, 4),
        "too_good": round(of.wrong.too_good, 4),
        "too_strict": round(of.wrong.too_strict, 4),
        "by_two": round(of.wrong.by_two, 4),
        "by_chance": round(of.wrong.by_chance, 4),
        "alarms": {str(kind): len(ids) for kind, ids in of.alarms.items()},
        "moved": {id_: round(value, 3) for id_, value in of.moved.items()},
    }


def _predictions(years: Sequence[YearWalked]) -> Grid:
    return Grid(
        "Predicted bad rate, by year",
        ("year", "customers", "bad", "bad outcomes known", *Alternative),
        tuple(
            (
                str(of.year), f"{of.customers:,}", f"{of.bad_rate:.1%}", f"{of.trained_on_bad:,}",
                *_each(of, lambda outcome: f"{outcome.predicted:.1%}"),
            )
            for of in years
        ),
    )  # fmt: skip


def _figures(years: Sequence[YearWalked]) -> Grid:
    kept = (Alternative.AS_IT_IS, Alternative.RETRAINED)
    return Grid(
        "AUC and log-loss, by year",
        ("year", *(f"AUC {of}" for of in kept), *(f"log-loss {of}" for of in Alternative)),
        tuple(
            (
                str(of.year),
                *_each(of, lambda outcome: f"{outcome.metrics.auc:.3f}", kept),
                *_each(of, lambda outcome: f"{outcome.metrics.log_loss:.4f}"),
            )
            for of in years
        ),
    )


def _wrong(years: Sequence[YearWalked]) -> Grid:
    def told(outcome: Outcome) -> str:
        wrong = outcome.wrong
        return f"{wrong.wrong:.0%} ({wrong.too_good:.0%}, {wrong.too_strict:.0%})"

    def by_chance(of: YearWalked) -> str:
        found = [outcome.wrong.by_chance for outcome in of.outcomes.values()]
        return f"{max(found):.0%}" if found else _NOTHING

    return Grid(
        "Tiers wrong (too good, too strict), by year",
        ("year", "bad", *Alternative, "by chance"),
        tuple((str(of.year), f"{of.bad_rate:.1%}", *_each(of, told), by_chance(of)) for of in years),
    )


def _alarms(years: Sequence[YearWalked]) -> Grid:
    def told(of: YearWalked, kind: AlarmKind) -> str:
        outcome = of.outcomes.get(Alternative.AS_IT_IS)
        if outcome is None:
            return _NOTHING
        count = len(outcome.alarms.get(kind, ()))
        return f"{count}" if count else ""

    return Grid(
        f"Checks that alarm, of the model {Alternative.AS_IT_IS}, by year of evaluation",
        ("year", "known on", *map(_words, AT_ONCE), "outcomes known on", *map(_words, ON_OUTCOMES)),
        tuple(
            (
                str(of.year), str(of.known_on), *(told(of, kind) for kind in AT_ONCE), str(of.matured_on),
                *(told(of, kind) for kind in ON_OUTCOMES),
            )
            for of in years
        ),
    )  # fmt: skip


def _first_alarms(watches: Sequence[Watch]) -> Grid:
    rows = []
    for kind, day in first_alarms(watches).items():
        told = [of.alarms[kind] for of in watches if of.alarms.get(kind) is not None]
        rows.append(
            (
                _words(kind), _NOTHING if day is None else str(day),
                f"{sum(bool(ids) for ids in told)} of {len(told)}",
            )
        )  # fmt: skip
    title = f"When the model {Alternative.AS_IT_IS} gave alarms, watched each quarter"
    return Grid(title, ("alarm", "first given", "quarters with an alarm"), tuple(rows))


def _each(
    of: YearWalked, told: Callable[[Outcome], str], kept: Sequence[Alternative] = tuple(Alternative)
) -> tuple[str, ...]:
    outcomes: Mapping[Alternative, Outcome] = of.outcomes
    return tuple(told(outcomes[name]) if name in outcomes else _NOTHING for name in kept)


def _words(kind: AlarmKind) -> str:
    return str(kind).replace("_", " ")
