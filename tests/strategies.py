"""Random catalogs, customers, portfolios and models for the tests, with every kind of awkward value."""

import json
import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from features.catalog import Catalog, Indicator, Kind
from features.customer import Customer, parse_customer
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.artefact import Model, catalog_features, category_codes
from models.calibration import Calibration
from models.points import Axis, PointsTables, Table
from models.policy import Policy, load_policy
from models.scale import Scale

DAY = date(2026, 1, 31)
UNSEEN = "a level nobody declared"
EXTREME = (
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e-35,
    1e-36,
    1.0,
    -1.0,
    1e15,
    1.7976931348623157e308,
    -1.7976931348623157e308,
)


def awkward_numbers(indicator: Indicator) -> list[float]:
    """Return knots and bounds, their neighbours one ulp away, and extreme values, as far as allowed."""
    knots = [knot[0] for knot in indicator.points] if isinstance(indicator.points, tuple) else []
    bounds = [bound for bound in (indicator.minimum, indicator.maximum) if bound is not None]
    numbers = [*knots, *bounds, *EXTREME]
    numbers += [math.nextafter(x, side) for x in (*knots, *bounds) for side in (-math.inf, math.inf)]
    return [x for x in numbers if math.isfinite(x) and allowed(indicator, x)]


def allowed(indicator: Indicator, value: float) -> bool:
    """Whether a number is possible for an indicator."""
    low = -math.inf if indicator.minimum is None else indicator.minimum
    high = math.inf if indicator.maximum is None else indicator.maximum
    return low <= value <= high


def values_of(indicator: Indicator) -> st.SearchStrategy[Any]:
    """Return values that an indicator takes, unseen levels included."""
    match indicator.kind:
        case Kind.FLAG:
            return st.booleans()
        case Kind.CATEGORY:
            return st.sampled_from([*(indicator.levels or {}), UNSEEN])
        case Kind.NUMBER:
            within = st.floats(
                indicator.minimum,
                indicator.maximum,
                allow_nan=False,
                allow_infinity=False,
                allow_subnormal=True,
            )
            return st.sampled_from(awkward_numbers(indicator)) | within


@st.composite
def raw_customers(draw: st.DrawFn, catalog: Catalog, nature: Nature | None = None) -> dict[str, Any]:
    """Draw one customer as a caller gives it: any indicators known, and contradictions with applies_when."""
    nature = nature or draw(st.sampled_from(catalog.natures))
    declared = [placed.indicator for placed in catalog.for_nature(nature)]
    known = draw(st.integers(0, 2 ** len(declared) - 1) | st.just(2 ** len(declared) - 1))
    return {
        "customer_id": "C-1",
        "nature": str(nature),
        "as_of": DAY.isoformat(),
        "indicators": {
            indicator.id: draw(values_of(indicator)) for i, indicator in enumerate(declared) if known >> i & 1
        },
    }


def customers(catalog: Catalog, nature: Nature | None = None) -> st.SearchStrategy[Customer]:
    """Return checked customers."""
    return raw_customers(catalog, nature).map(lambda raw: parse_customer(raw, catalog))


def portfolio_of(catalog: Catalog, *given: Customer) -> Portfolio:
    """Return checked customers as a portfolio."""
    return Portfolio.from_customers(given, catalog)


def random_portfolio(catalog: Catalog, n: int, seed: int) -> Portfolio:
    """Return n random customers made as columns: a fifth of the values missing, others awkward or unseen."""
    rng = np.random.default_rng(seed)
    natures = rng.choice(np.array(catalog.natures, dtype=object), n)
    given = np.full((n, len(catalog.placed)), np.nan)
    levels = {}
    missing = rng.random(n) * 0.6  # some customers nearly complete, of others little is known
    for column, placed in enumerate(catalog.placed):
        indicator = placed.indicator
        if indicator.kind is Kind.CATEGORY:
            codes = rng.integers(0, len(indicator.level_codes) + 1, n).astype(np.float64)
        elif indicator.kind is Kind.FLAG:
            codes = rng.integers(0, 2, n).astype(np.float64)
        else:
            awkward = np.array(awkward_numbers(indicator))
            inner = awkward[np.abs(awkward) < 1e6]
            codes = np.where(
                rng.random(n) < 0.3, rng.choice(awkward, n), rng.uniform(inner.min(), inner.max(), n)
            )
        declared = np.isin(natures, [nature for nature in catalog.natures if placed.applies_to(nature)])
        codes[(rng.random(n) < missing) | ~declared] = np.nan
        given[:, column] = codes
        if indicator.kind is Kind.CATEGORY:
            names = np.array([*indicator.level_codes, UNSEEN, None], dtype=object)
            levels[placed.id] = names[np.where(np.isnan(codes), -1, codes).astype(np.int64)]
    return Portfolio(catalog, [f"C-{i}" for i in range(n)], natures, [DAY] * n, given, levels)


def random_model(
    catalog: Catalog, policy: Policy, natures: tuple[Nature, ...], seed: int, size: float = 0.3
) -> Model:
    """Return a model of random tables over every indicator and some pairs; cells of about the size given."""
    rng = np.random.default_rng(seed)
    features = catalog_features(catalog, natures)
    codes = category_codes(catalog, features)

    def axis(feature: int) -> Axis:
        name = features[feature]
        if name in codes:
            return Axis(feature, codes=codes[name])
        numbers = sorted({x + 0.0 for x in awkward_numbers(catalog.by_id[name].indicator)})
        kept = [x for x in numbers if abs(x) < 1e12 and rng.random() < 0.5] or [0.0]
        return Axis(feature, thresholds=tuple(kept))

    def table(order: int) -> Table:
        path = np.sort(rng.choice(len(features), order, replace=False)).tolist()
        axes = tuple(axis(feature) for feature in path)
        return Table(axes, rng.normal(0, size, (order, *(of.cells for of in axes))))

    mains = []
    for feature in range(len(features)):
        of = axis(feature)
        mains.append(Table((of,), rng.normal(0, size, (1, of.cells))))
    orders = [order for order in (1, 2, 2, 2, 3) if order <= len(features)]
    learned = [table(order) for order in orders for _ in range(max(1, len(features) // 16))]
    return Model(
        prior=PointsTables(features, float(rng.normal(-3, 1)), tuple(mains)),
        correction=PointsTables(features, float(rng.normal(0, 0.1)), tuple(learned)),
        calibration=Calibration(float(rng.normal(0, 0.3)), float(rng.uniform(0.5, 1.5))),
        scale=Scale.from_policy(policy),
        natures=natures,
        catalog_hash=catalog.hash,
        policy_hash=policy.hash,
        training={"trained": "2026-01-31", "rows": 1000, "auc": 0.65, "prior": True, "note": None},
    )


# Random catalogs


@dataclass
class _Ids:
    """Hands out the ids of a catalog."""

    last: int = 0

    def next(self, prefix: str) -> str:
        self.last += 1
        return f"{prefix}_{self.last}"


def _text(word: str) -> dict[str, str]:
    return {"zh-Hant": f"繁{word}", "zh-Hans": f"简{word}", "en": f"name of {word}"}


def _shares(draw: st.DrawFn, count: int) -> list[float]:
    """Draw shares that add up to 100, some of them 0."""
    parts = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count).filter(any))
    return [100.0 * part / sum(parts) for part in parts]


def _weights(draw: st.DrawFn, children: list[dict[str, Any]], natures: list[str]) -> None:
    """Give each nature's whole to the children that have something for it."""
    for child in children:
        child["weight"] = {}
    for nature in natures:
        able = [child for child in children if nature in child["able"]]
        for child, share in zip(able, _shares(draw, len(able)) if able else [], strict=True):
            child["weight"][nature] = share
    for child in children:
        child["weighted"] = {nature for nature, share in child["weight"].items() if share > 0}


def _indicator(draw: st.DrawFn, ids: _Ids, natures: list[str]) -> dict[str, Any]:
    id_ = ids.next("indicator")
    points = st.floats(0, 100, allow_subnormal=False)
    own = draw(st.sets(st.sampled_from(natures), min_size=1))
    made: dict[str, Any] = {
        "id": id_,
        "names": _text(id_),
        "natures": [nature for nature in natures if nature in own],
        "source": {"department": "sales", "table": "records"},
        "confidentiality": "internal",
        "able": own,
    }
    kind = draw(st.sampled_from(Kind))
    if kind is Kind.FLAG:
        low, high = sorted(draw(st.tuples(points, points)))
        made |= {"better": "higher", "points": {"true": high, "false": low}}
    elif kind is Kind.CATEGORY:
        levels = {f"level_{i}": {"names": _text(f"level_{i}"), "points": draw(points)} for i in range(3)}
        made |= {"better": "levels", "levels": levels, "unseen_points": draw(points)}
    else:
        x = sorted(draw(st.sets(st.integers(-50, 50), min_size=2, max_size=5)))
        y = sorted(draw(st.lists(points, min_size=len(x), max_size=len(x))))
        better = draw(st.sampled_from(["higher", "lower"]))
        made |= {
            "better": better,
            "points": [list(k) for k in zip(x, y if better == "higher" else y[::-1], strict=True)],
        }
    return made | {"kind": str(kind)}


def _stripped(node: Any) -> Any:
    """Return a declaration without the notes that only the drawing needs."""
    if isinstance(node, dict):
        return {key: _stripped(value) for key, value in node.items() if key not in ("able", "weighted")}
    return [_stripped(item) for item in node] if isinstance(node, list) else node


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Draw a valid catalog of any shape: uneven trees, weights of 0, natures with their own, conditions."""
    natures = draw(st.sampled_from([["enterprise"], ["enterprise", "individual"]]))
    ids = _Ids()
    switch = {
        **_indicator(draw, ids, natures), "id": "switch", "natures": natures, "kind": "flag",
        "better": "higher", "points": {"true": 80.0, "false": 10.0}, "levels": None, "unseen_points": None,
        "able": set(natures),
    }  # fmt: skip
    condition = {"indicator": "switch", "is": True}
    dimensions = []
    for d in range(draw(st.integers(1, 3))):
        groups = []
        for g in range(draw(st.integers(1, 3))):
            indicators = [_indicator(draw, ids, natures) for _ in range(draw(st.integers(1, 4)))]
            for made in indicators:
                if draw(st.booleans()):
                    made["applies_when"] = condition
            if d == g == 0:
                indicators.insert(0, switch)
            _weights(draw, indicators, natures)
            able = set().union(*(made["weighted"] for made in indicators))
            id_ = ids.next("group")
            groups.append({"id": id_, "names": _text(id_), "indicators": indicators, "able": able})
        _weights(draw, groups, natures)
        able = set().union(*(group["weighted"] for group in groups))
        id_ = ids.next("dimension")
        dimensions.append({"id": id_, "names": _text(id_), "groups": groups, "able": able})
    for dimension in dimensions[1:]:
        if draw(st.booleans()):
            dimension["applies_when"] = condition
    _weights(draw, dimensions, natures)
    document = {
        "catalog": "drawn", "version": 1, "names": _text("drawn"), "natures": natures,
        "departments": {"sales": _text("sales")}, "dimensions": _stripped(dimensions),
    }  # fmt: skip
    return Catalog.model_validate_json(json.dumps(document))


def policy_for(catalog: Catalog, **changes: Any) -> Policy:
    """Return the bundled policy without the gates that need the bundled catalog, changed as asked."""
    document = _bundled_policy().model_dump(mode="json", by_alias=True)
    if catalog.catalog != "customer":
        document |= {"vetoes": [], "premium_floors": {"floors": {}}}
    return Policy.model_validate_json(json.dumps(document | changes))


@cache
def _bundled_policy() -> Policy:
    """Return the bundled policy, read once for all examples."""
    return load_policy("customer")


def numbers_of(portfolio: Portfolio, indicator_id: str) -> Floats:
    """Return one indicator's values as evaluated, shape (n,)."""
    return portfolio.values[:, portfolio.column(indicator_id)]
