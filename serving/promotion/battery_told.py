"""What approvers read of a battery beside its verdict: with whom it compared, and what was not judged."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SUBJECT = (
    "customers", "bad", "first_as_of", "last_as_of", "data_hash", "reference_customers", "reference_hash",
    "reference_review_sha256",
)  # fmt: skip
"""What is told of a battery's subject; None where its document does not say."""
_NOT_ENOUGH_DATA = "not_enough_data"
# Of a check that is asked of several things, so many of them are named in a line.
_NAMED = 5

Json = Mapping[str, Any]


def not_judged(results: Iterable[Json]) -> list[dict[str, Any]]:
    """Return, for each part of a battery where a check has no answer, which checks those are and why.

    Args:
        results: as a battery's document has them; the part is what a check's id begins with.

    Returns:
        In the document's order: the `part`, how many `checks` it has, the `names` of those without an answer
        (each of one thing after its check, such as `Characteristic stability: Sector`) and their `reasons`.
    """
    parts: dict[str, dict[str, Any]] = {}
    for result in results:
        part = result["id"].partition(".")[0]
        found = parts.setdefault(part, {"part": part, "checks": 0, "names": [], "reasons": []})
        found["checks"] += 1
        if result["verdict"] != _NOT_ENOUGH_DATA:
            continue
        found["names"].append(result["name"]["en"])
        reason = (result.get("reason") or {}).get("en")
        if reason is not None and reason not in found["reasons"]:
            found["reasons"].append(reason)
    return [found for found in parts.values() if found["names"]]


def compared_lines(battery: Json) -> Iterator[str]:
    """Yield in a line with whom the mix of those judged was compared; nothing where a document does not say.

    Args:
        battery: with what `SUBJECT` names.
    """
    others, table = battery["reference_customers"], battery["reference_hash"]
    if others is None:
        return
    if battery["reference_review_sha256"] is not None:
        whom = f"the {others} customers of the reference recorded with the version"
    elif table is not None:
        whom = (
            f"{others} customers of a table (data {table[:12]}), not the reference recorded with the version"
        )
    else:
        whom = "nobody"
    yield f"Battery: the mix of customers compared with {whom}"


def line_of(part: Json) -> str:
    """Return a part of what `not_judged` found as a line, things of one check together."""
    families: dict[str, list[str]] = {}
    for name in part["names"]:
        family, _, of = name.partition(": ")
        families.setdefault(family, []).extend([of] if of else [])
    named = "; ".join(_shown(family, subjects) for family, subjects in families.items())
    why = f" ({'; '.join(part['reasons'])})" if part["reasons"] else ""
    return f"Not judged: {part['part']} ({len(part['names'])} of {part['checks']}): {named}{why}"


def _shown(family: str, subjects: list[str]) -> str:
    if not subjects:
        return family
    more = len(subjects) - _NAMED
    return f"{family}: {', '.join(subjects[:_NAMED])}{f' and {more} more' if more > 0 else ''}"
