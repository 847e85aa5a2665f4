"""Drafting a catalog: what a person would otherwise write by hand for a flat table, to be edited."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog, Kind, Method
from features.document import catalog_of
from features.drafting import personal, wording
from features.drafting.columns import ColumnProfile, FlatProfile, Role
from features.drafting.curves import (
    LEVEL,
    DrawnCurve,
    DrawnLevels,
    curve_document,
    draw_curve,
    draw_levels,
    rounded,
)
from features.drafting.outcome import OutcomeWords, UnclearOutcome, adverse_words, check_adverse, told
from features.drafting.shares import shares_of
from features.sources.natures import nature_of_word
from features.terms import Nature

Bools = NDArray[np.bool_]

DEPARTMENT = "records"
# What ranks customers this well alone knows the outcome already, or nearly always.
KNOWS_THE_OUTCOME = 0.98
# More adverse outcomes than this are likelier a good one taken for adverse.
_MAJORITY = 0.5
_GIVEN = "as given"
_RESERVED = ("customer_id", "nature", "as_of")


@dataclass(frozen=True)
class Draft:
    """A drafted catalog, with remarks on each indicator by id, on columns left out, and on the whole.

    `warnings` are what a person should look at before anything else.
    """

    catalog: Catalog
    remarks: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]
    about: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Drafted:
    """One column as an indicator: its place in the catalog, what outcomes say, whether to use it."""

    id: str
    dimension: str
    column: ColumnProfile
    drawn: DrawnCurve | DrawnLevels
    protected: bool
    knows_outcome: bool

    @property
    def group(self) -> str:
        return f"{self.dimension}_indicators"

    @property
    def usable(self) -> bool:
        return not self.protected and not self.knows_outcome

    @property
    def has_points(self) -> bool:
        return isinstance(self.drawn, DrawnLevels) or self.drawn.knots is not None


def draft_catalog(
    table: FlatProfile,
    outcome: str,
    path: Path,
    *,
    bad: Sequence[str] = (),
    nature: Nature | None = None,
) -> Draft:
    """Draft a catalog for a flat table with known outcomes.

    Args:
        table: its profile, made with the outcome's header.
        outcome: the header of the outcome.
        path: where it lies; its name becomes the catalog's.
        bad: the outcome's words that mean the adverse one; found out by default.
        nature: of all customers, unless a column says it; guessed from the columns' names by default.

    Raises:
        UnclearOutcome: the adverse outcome cannot be told, or no column can be an indicator.
    """
    words = table.outcome_words
    if words is None:
        raise ValueError("the table was profiled without an outcome")
    adverse, why = (tuple(bad), _GIVEN) if bad else adverse_words(words, outcome)
    check_adverse(words, adverse, outcome)
    known = told(words, bad)
    is_bad = np.isin(words[known], list(adverse))
    drafted = _drafted(table, known, is_bad)
    if not any(item.usable for item in drafted):
        raise UnclearOutcome(f"{path}: no column can be an indicator; each is an id, constant, or left out")
    natures = _natures(table, nature)
    document = {
        "catalog": wording.identifier(path.name.split(".")[0], 0, ()),
        "version": 1,
        "names": _named(path.name.split(".")[0]),
        "natures": [str(item) for item in natures],
        "departments": {
            DEPARTMENT: {"zh-Hant": "提供資料的部門", "zh-Hans": "提供数据的部门", "en": "Who delivers it"}
        },
        "table": _table(table, outcome, adverse),
        "weighting": {"method": str(Method.OUTCOMES), "customers": int(known.sum())},
        "dimensions": _dimensions(drafted, natures),
    }
    return Draft(
        catalog=catalog_of(document),
        remarks={item.id: tuple(_remarks(item)) for item in drafted},
        left_out=tuple(
            f"{column.header or f'column {column.place + 1}'}: {column.remark}"
            for column in table.columns
            if column.role is Role.LEFT_OUT
        ),
        about=(
            f"{int(is_bad.sum()):,} of {int(known.sum()):,} customers had the adverse outcome",
            f"{outcome}: {OutcomeWords.of(words, adverse).line(why)}",
            *_untranslated(drafted),
        ),
        warnings=tuple(_warnings(table, drafted, adverse, why, outcome, float(is_bad.mean()))),
    )


def _drafted(table: FlatProfile, known: Bools, is_bad: Bools) -> list[_Drafted]:
    result: list[_Drafted] = []
    taken: set[str] = set(_RESERVED)
    for column in table.indicators:
        id_ = wording.identifier(column.header, column.place, taken)
        taken.add(id_)
        drawn: DrawnCurve | DrawnLevels
        if column.values is not None:
            drawn = draw_curve(column.values[known], is_bad)
            areas = [drawn.area, draw_curve(np.isnan(column.values[known]).astype(np.float64), is_bad).area]
        else:
            assert column.words is not None
            drawn = draw_levels(column.words[known], is_bad, column.levels)
            worth = np.array([drawn.points.get(word, drawn.unseen) for word in column.words[known]])
            areas = [draw_curve(-worth, is_bad).area]
        result.append(
            _Drafted(
                id=id_,
                dimension=wording.dimension_of(column.header) or "basic",
                column=column,
                drawn=drawn,
                protected=personal.sounds_protected(column.header),
                knows_outcome=any(max(area, 1 - area) >= KNOWS_THE_OUTCOME for area in areas),
            )
        )
    return result


def _natures(table: FlatProfile, nature: Nature | None) -> list[Nature]:
    column = table.of_role(Role.NATURE)
    if column is None or column.words is None:
        return [nature or wording.nature_of(c.header for c in table.columns)]
    found = {nature_of_word(word) for word in column.words if word is not None}
    return [item for item in Nature if item in found]


def _table(table: FlatProfile, outcome: str, adverse: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for role in (Role.CUSTOMER_ID, Role.AS_OF, Role.NATURE):
        column = table.of_role(role)
        if column is not None:
            result[str(role)] = column.header
            if column.date_order is not None:
                result["date_order"] = str(column.date_order)
    if table.decimal_comma:
        result["decimal_comma"] = True
    return {**result, "outcome": outcome, "bad": list(adverse)}


def _dimensions(drafted: Sequence[_Drafted], natures: Sequence[Nature]) -> list[dict[str, Any]]:
    pointed = [item for item in drafted if item.usable and item.has_points]
    informations = {item.id: item.drawn.information for item in pointed}
    # Without a single curve the baseline is level: everybody has the reference's points.
    level = not pointed
    if level:
        informations = {item.id: 0.0 for item in drafted if item.usable}
    shares = shares_of(informations, {item.id: (item.dimension, item.group) for item in drafted})
    result = []
    for dimension, names in wording.DIMENSIONS.items():
        inside = [item for item in drafted if item.dimension == dimension]
        if not inside:
            continue
        group = {
            "id": inside[0].group,
            "names": names.model_dump(by_alias=True),
            "weight": shares.groups.get(inside[0].group, 0.0),
            "indicators": [
                _indicator(item, shares.indicators.get(item.id, 0.0), natures, level) for item in inside
            ],
        }
        weight = shares.dimensions.get(dimension, 0.0)
        result.append({"id": dimension, "names": group["names"], "weight": weight, "groups": [group]})
    return result


def _indicator(item: _Drafted, weight: float, natures: Sequence[Nature], level: bool) -> dict[str, Any]:
    column, drawn = item.column, item.drawn
    result: dict[str, Any] = {"id": item.id, "names": _named(column.header)}
    kinds = {Role.NUMBER: Kind.NUMBER, Role.FLAG: Kind.FLAG, Role.CATEGORY: Kind.CATEGORY}
    result["kind"] = str(kinds[column.role])
    if isinstance(drawn, DrawnLevels):
        result["better"] = "levels"
        scored = item.usable
        result["levels"] = {
            name: {"names": _named(name), **({"points": drawn.points[name]} if scored else {})}
            for name in column.levels
        }
        if scored:
            result["unseen_points"] = drawn.unseen
    else:
        result |= _points_of(item, drawn, level)
    if weight:
        result["weight"] = weight
    result["source"] = {"department": DEPARTMENT, "table": "table"}
    result["confidentiality"] = "personal" if Nature.INDIVIDUAL in natures else "confidential"
    if item.protected:
        result["protected"] = True
    if item.knows_outcome:
        result["modelled"] = False
    if column.header != item.id:
        result["aliases"] = [column.header]
    if column.missing:
        result["missing"] = list(column.missing)
    result["drafted"] = True
    return result


def _points_of(item: _Drafted, drawn: DrawnCurve, level: bool) -> dict[str, Any]:
    flag = item.column.role is Role.FLAG
    if not item.usable:
        return {"better": str(drawn.better_of_two if flag else drawn.better)}
    if drawn.knots is None and level:
        drawn = replace(drawn, knots=LEVEL)
    return curve_document(drawn, flag=flag)


def _named(name: str) -> dict[str, str]:
    text = name.strip() or "?"
    return {"zh-Hant": text, "zh-Hans": text, "en": text}


def _remarks(item: _Drafted) -> list[str]:
    drawn, column = item.drawn, item.column
    lines = []
    if wording.dimension_of(column.header) is None:
        lines.append("dimension: the name tells nothing; move it where it belongs")
    if item.protected:
        lines.append("protected: the name sounds like it; recorded, never scored nor modelled")
    if personal.sounds_like_age(column.header):
        lines.append(
            "age: Regulation B lets a statistically sound system use it where the age of the elderly (62 or "
            "older) is no negative factor (12 CFR 1002.6(b)(2)); else, or under another law, protected: true"
        )
    if column.role is not Role.NUMBER and personal.sounds_like_a_telephone(column.header):
        lines.append(
            "telephone: whether one is listed in the applicant's name must not count (12 CFR 1002.6(b)(4))"
        )
    if item.knows_outcome:
        lines.append(
            "modelled: false, because it tells the outcome nearly alone; is it known before? then say true"
        )
    if column.remark:
        lines.append(column.remark)
    if column.missing:
        lines.append(f"missing: {', '.join(map(_shown, column.missing))} look like codes for no value")
    if isinstance(drawn, DrawnCurve):
        rates = ", ".join(f"{rounded(b.middle):g}: {b.bad_rate:.1%}" for b in drawn.bins)
        said = {1: "risk rises with it", -1: "risk falls with it", 0: "no sure direction"}[drawn.direction]
        lines.append(
            f"{said}; AUC {drawn.area:.3f}, information {drawn.information:.3f}; bad rate near {rates}"
        )
    else:
        lines.append(f"information {drawn.information:.3f}")
    return [" ".join(line.split()) for line in lines]


def _untranslated(drafted: Sequence[_Drafted]) -> list[str]:
    """Return a remark where headers or levels are not in English: all languages have them as they are."""
    names = [name for item in drafted for name in (item.column.header, *item.column.levels)]
    if all(name.isascii() for name in names):
        return []
    return ["names are copied as they are in all three languages; translate those that are shown in another"]


def _shown(code: float | str) -> str:
    return f"{code:g}" if isinstance(code, float) else str(code)


def _warnings(
    table: FlatProfile,
    drafted: Sequence[_Drafted],
    adverse: Sequence[str],
    why: str,
    outcome: str,
    bad_rate: float,
) -> list[str]:
    result = []
    if table.misshapen:
        result.append(
            f"{table.misshapen:,} rows have more or fewer cells than the header, and will be kept apart; "
            "is the delimiter right (--delimiter)?"
        )
    if table.decimal_comma:
        result.append("numbers are taken to have a decimal comma: 1,5 is one and a half")
    if "check it" in why:
        result.append(f"{outcome}: takes {', '.join(adverse)} for the adverse outcome, since {why}")
    if bad_rate > _MAJORITY and why != _GIVEN:
        result.append(
            f"{outcome}: most customers ({bad_rate:.1%}) would have the adverse outcome, taken to be "
            f"{', '.join(adverse)} since {why}; if that is the good news, name the other: --bad WORD"
        )
    knowing = [item.column.header for item in drafted if item.knows_outcome]
    if knowing:
        result.append(
            f"left out of the model, since they tell the outcome nearly alone: {', '.join(knowing)}"
        )
    protected = [item.column.header for item in drafted if item.protected]
    if protected:
        result.append(f"taken for protected, and so not used: {', '.join(protected)}")
    return result
