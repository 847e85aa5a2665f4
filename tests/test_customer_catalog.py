"""The bundled customer catalog and policy carry out M1–M18, and a wrong catalog is refused in words."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from features.catalog import CATALOGS, Catalog, Confidentiality, Kind, Placed, load_catalog
from features.curve import Better
from features.declaration import DeclarationError
from features.terms import RATED_TIERS, Nature, Text
from models.policy import POLICIES, load_policy

CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
DOCUMENT = yaml.safe_load((CATALOGS / "customer.yaml").read_text(encoding="utf-8"))

ENTERPRISE, GOVERNMENT, PUBLIC_INSTITUTION, INDIVIDUAL = Nature

GROUPS = {
    "basic": ["nature", "registration"],
    "financial": ["asset_size", "profitability", "solvency"],
    "credit": ["bank_credit", "commercial_credit"],
    "cooperation": ["history", "scale", "service_demand"],
    "potential": ["industry_outlook", "own_strategy"],
}

# What M6–M10 name for every customer, and what they name for an enterprise or an individual.
NAMED_FOR_ALL = {
    "nature": {"relationship", "decision_process"},
    "commercial_credit": {"on_time_payment_rate", "contract_breaches_24m", "severe_breach_24m"},
    "history": {"cooperation_years", "order_count_36m"},
    "scale": {"purchase_frequency", "share_of_wallet"},
    "service_demand": {"demand_kind", "service_demand_frequency", "demand_trend"},
    "own_strategy": {"expected_demand_growth"},
}
NAMED_FOR = {
    ENTERPRISE: {
        "registration": {"registered_region", "registered_capital", "business_scope", "years_since_founding"},
        "asset_size": {"total_assets", "net_assets"},
        "profitability": {"operating_revenue", "net_profit", "net_profit_margin"},
        "solvency": {"current_ratio", "quick_ratio", "debt_to_asset_ratio"},
        "bank_credit": {"bank_rating", "loan_classification", "loan_repayment_record"},
        "history": {"cooperation_amount_36m"},
        "scale": {"purchase_amount_12m", "share_of_our_sales"},
        "industry_outlook": {"industry_growth", "market_size", "competition_intensity"},
        "own_strategy": {"strategic_plan_clarity", "strategic_goal_attainment", "innovation_capacity"},
    },
    INDIVIDUAL: {
        "registration": {"age", "occupation", "residence_region"},
        "history": {"personal_cooperation_amount_36m"},
        "scale": {"personal_purchase_amount_12m"},
    },
}

# Pairs of one character in both scripts, each wrong in the other; characters at home in both are left out.
TRADITIONAL = (
    "來倉個備債億償優儲內冊創動務勵區員圍團執場學實審專對導層屬幣從態應戰戶損撥擴數時書東條業標權氣決"
    "況淨溝漁潛潤灣為無營爭狀獎現產異發確礦稅競築約納級結經維線縣總繳續職華萬術規記訪設訴評詢誠請諮護變"
    "負財貨買貸費資質購較輸辦農進運過達違適還鄉銀銷錄鎮長門開關險電項預頭頻額類風飲養體齡"
)
SIMPLIFIED = (
    "来仓个备债亿偿优储内册创动务励区员围团执场学实审专对导层属币从态应战户损拨扩数时书东条业标权气决"
    "况净沟渔潜润湾为无营争状奖现产异发确矿税竞筑约纳级结经维线县总缴续职华万术规记访设诉评询诚请咨护变"
    "负财货买贷费资质购较输办农进运过达违适还乡银销录镇长门开关险电项预头频额类风饮养体龄"
)


def texts(node: object, place: str = "") -> Iterator[tuple[str, Text]]:
    """Yield every trilingual text below a declared model, with its place."""
    if isinstance(node, Text):
        yield place, node
    elif isinstance(node, BaseModel):
        for field in type(node).model_fields:
            yield from texts(getattr(node, field), f"{place}.{field}")
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, f"{place}.{key}")
    elif isinstance(node, tuple):
        for index, value in enumerate(node):
            yield from texts(value, f"{place}.{getattr(value, 'id', index)}")


TEXTS = [*texts(CATALOG, "catalog"), *texts(POLICY, "policy")]


def in_group(group: str) -> list[Placed]:
    return [placed for placed in CATALOG.placed if placed.group.id == group]


# The bundled files


def test_the_policy_fits_the_catalog() -> None:
    POLICY.check_against(CATALOG)


def test_the_dimensions_and_groups_are_those_of_the_measures() -> None:
    assert {d.id: [group.id for group in d.groups] for d in CATALOG.dimensions} == GROUPS


@pytest.mark.parametrize("nature", Nature)
def test_every_indicator_that_the_measures_name_is_declared_in_its_group(nature: Nature) -> None:
    for named in (NAMED_FOR_ALL, NAMED_FOR.get(nature, {})):
        for group, ids in named.items():
            assert ids <= {placed.id for placed in in_group(group) if placed.applies_to(nature)}


@pytest.mark.parametrize("nature", Nature)
@pytest.mark.parametrize("group", [group for groups in GROUPS.values() for group in groups])
def test_every_group_weighs_something_for_every_nature(nature: Nature, group: str) -> None:
    weights = CATALOG.weights(nature)
    assert any(placed.id in weights for placed in in_group(group))


@pytest.mark.parametrize("nature", Nature)
def test_the_shares_of_every_nature_make_one_whole(nature: Nature) -> None:
    total = sum(dimension * group * own for dimension, group, own in CATALOG.weights(nature).values())
    assert total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("nature", Nature)
def test_a_prospect_is_judged_in_every_dimension_but_cooperation(nature: Nature) -> None:
    existing_only = ("existing",)
    left = {
        placed.dimension.id
        for placed in CATALOG.placed
        if placed.id in CATALOG.weights(nature)
        and all(condition.is_ != existing_only for condition in placed.conditions)
    }
    assert left == set(GROUPS) - {"cooperation"}


def test_a_weight_is_only_given_for_a_nature_that_the_indicator_has() -> None:
    for placed in CATALOG.placed:
        weight = placed.indicator.weight
        assert all(placed.applies_to(nature) for nature in (weight if isinstance(weight, dict) else ())), (
            placed.id
        )


def test_a_protected_indicator_is_never_weighted() -> None:
    protected = [placed for placed in CATALOG.placed if placed.indicator.protected]
    assert "age" in {placed.id for placed in protected}
    for nature in Nature:
        assert not CATALOG.weights(nature).keys() & {placed.id for placed in protected}


def test_personal_indicators_belong_to_individuals_alone() -> None:
    for placed in CATALOG.placed:
        if placed.indicator.confidentiality is Confidentiality.PERSONAL:
            assert placed.indicator.natures == (INDIVIDUAL,), placed.id


def test_no_curve_reaches_into_impossible_values() -> None:
    for placed in CATALOG.placed:
        indicator = placed.indicator
        if indicator.kind is Kind.NUMBER and isinstance(indicator.points, tuple):
            first, last = indicator.points[0][0], indicator.points[-1][0]
            assert indicator.minimum is None or first >= indicator.minimum, placed.id
            assert indicator.maximum is None or last <= indicator.maximum, placed.id


def test_risk_and_points_never_point_the_same_way() -> None:
    """Where the risk is sure to rise, the points do not, and the other way round."""
    against = {1: Better.LOWER, -1: Better.HIGHER}
    for placed in CATALOG.placed:
        if placed.indicator.risk_direction:
            assert placed.indicator.better is against[placed.indicator.risk_direction], placed.id


def test_every_scored_curve_can_lift_and_lower_the_score() -> None:
    for nature in Nature:
        reference = POLICY.reference_for(nature)
        for id_ in CATALOG.weights(nature):
            indicator = CATALOG.by_id[id_].indicator
            if isinstance(indicator.points, tuple):
                points = [knot[1] for knot in indicator.points]
            elif indicator.points is not None:
                points = [indicator.points.true, indicator.points.false]
            else:
                points = [
                    level.points for level in (indicator.levels or {}).values() if level.points is not None
                ]
            assert min(points) < reference < max(points), id_


def test_every_text_has_three_languages_and_neither_script_strays_into_the_other() -> None:
    for place, text in TEXTS:
        assert text.zh_hant.strip() and text.zh_hans.strip() and text.en.strip(), place
        assert not set(text.zh_hant) & set(SIMPLIFIED), place
        assert not set(text.zh_hans) & set(TRADITIONAL), place
        if set(text.zh_hant) & set(TRADITIONAL):
            assert text.zh_hant != text.zh_hans, place
        assert text.en.isascii(), place


def test_no_two_indicators_share_a_name() -> None:
    for field in ("zh_hant", "zh_hans", "en"):
        names = [getattr(placed.indicator.names, field) for placed in CATALOG.placed]
        assert len(set(names)) == len(names)


def test_each_tier_gets_the_strategies_of_the_measures() -> None:
    assert [len(POLICY.tiers[tier].strategies) for tier in RATED_TIERS] == [4, 3, 3, 3]


def test_a_premium_customer_needs_finance_credit_and_cooperation() -> None:
    assert POLICY.premium_floors.floors.keys() == {"financial", "credit", "cooperation"}


# Wrong files


def indicator_in(document: Any, id_: str) -> dict[str, Any]:
    """Return the declaration of one indicator in a loaded document, to be changed in place."""
    for dimension in document["dimensions"]:
        for group in dimension["groups"]:
            for indicator in group["indicators"]:
                if indicator["id"] == id_:
                    found: dict[str, Any] = indicator
                    return found
    raise KeyError(id_)


def refusal(folder: Path, change: Callable[[Any], object]) -> str:
    """Return the message with which a changed customer catalog is refused, without its file."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    file = folder / "changed.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_catalog(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


def loaded(folder: Path, document: Any) -> Catalog:
    file = folder / "same.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_catalog(file)


def test_another_layout_of_the_same_content_has_the_same_hash(tmp_path: Path) -> None:
    assert loaded(tmp_path, DOCUMENT).hash == CATALOG.hash


def test_levels_in_another_order_have_another_hash(tmp_path: Path) -> None:
    """A level's code is its place, so the order is content."""
    document = copy.deepcopy(DOCUMENT)
    relationship = document["dimensions"][0]["groups"][0]["indicators"][0]
    assert relationship["id"] == "relationship"
    relationship["levels"] = dict(reversed(relationship["levels"].items()))
    assert loaded(tmp_path, document).hash != CATALOG.hash


WEIGHTED = [(nature, id_) for nature in Nature for id_ in CATALOG.weights(nature)]


@settings(max_examples=10, deadline=None)
@given(chosen=st.sampled_from(WEIGHTED), change=st.floats(min_value=0.001, max_value=1000))
def test_any_weight_that_grows_alone_is_refused(
    tmp_path_factory: pytest.TempPathFactory, chosen: tuple[Nature, str], change: float
) -> None:
    nature, id_ = chosen

    def grow(document: Any) -> None:
        indicator_in(document, id_)["weight"][nature.value] += change

    message = refusal(tmp_path_factory.mktemp("weights"), grow)
    assert message.startswith(f"group {CATALOG.by_id[id_].group.id}, nature {nature}: ")
    assert id_ in message
    assert message.endswith("not to 100")


CURVED = [placed.id for placed in CATALOG.placed if isinstance(placed.indicator.points, tuple)]


@settings(max_examples=10, deadline=None)
@given(id_=st.sampled_from(CURVED))
def test_any_curve_turned_upside_down_is_refused(tmp_path_factory: pytest.TempPathFactory, id_: str) -> None:
    def turn(document: Any) -> None:
        knots = indicator_in(document, id_)["points"]
        knots[:] = [[value, 100 - points] for value, points in knots]

    message = refusal(tmp_path_factory.mktemp("curves"), turn)
    assert message.startswith(f"{id_}: the points ")
    assert "is declared better" in message


def set_on(id_: str, **changes: object) -> Callable[[Any], object]:
    """Return a change that sets some keys of one indicator."""
    return lambda document: indicator_in(document, id_).update(changes)


def repeat(id_: str, group: int) -> Callable[[Any], None]:
    """Return a change that declares an indicator again, unweighted, in a group of the first dimension."""

    def change(document: Any) -> None:
        again = {**indicator_in(document, id_), "weight": 0}
        document["dimensions"][0]["groups"][group]["indicators"].append(again)

    return change


WRONG: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "no such nature": (set_on("quick_ratio", natures=["company"]), ["quick_ratio", "natures", "enterprise"]),
    "nature that the catalog leaves out": (
        lambda document: document.update(natures=["enterprise", "government", "public_institution"]),
        ["age", "individual", "is not one of the catalog's natures"],
    ),
    "duplicate indicator": (repeat("quick_ratio", 0), ["quick_ratio", "given twice"]),
    "duplicate indicator in one group": (repeat("age", 1), ["age", "given twice"]),
    "unknown unit": (
        set_on("total_assets", unit="bushels"),
        ["total_assets", "unit bushels", "not declared"],
    ),
    "unknown department": (
        set_on("total_assets", source={"department": "kitchen", "table": "orders"}),
        ["total_assets", "department kitchen", "not declared"],
    ),
    "condition on an unknown indicator": (
        set_on("demand_trend", applies_when={"indicator": "mood", "is": ["existing"]}),
        ["demand_trend", "unknown indicator mood"],
    ),
    "condition on an unknown level": (
        set_on("demand_trend", applies_when={"indicator": "relationship", "is": ["former"]}),
        ["demand_trend", "relationship has no level former"],
    ),
    "condition that does not fit": (
        set_on("demand_trend", applies_when={"indicator": "relationship", "above": 1}),
        ["demand_trend", "does not fit relationship"],
    ),
    "condition with two tests": (
        set_on("demand_trend", applies_when={"indicator": "share_of_wallet", "above": 1, "below": 2}),
        ["demand_trend", "exactly one of"],
    ),
    "protected and scored": (set_on("annual_income", protected=True), ["annual_income", "never scored"]),
    "weight without a curve": (set_on("quick_ratio", points=None), ["quick_ratio", "no points curve"]),
    "category without unseen points": (
        set_on("bank_rating", unseen_points=None),
        ["bank_rating", "unseen_points"],
    ),
    "missing name": (
        set_on("bank_rating", names={"zh-Hant": "評級", "en": "Rating"}),
        ["bank_rating", "zh-Hans"],
    ),
    "unknown key": (set_on("bank_rating", wieght=3), ["bank_rating", "wieght"]),
    "weight as text": (set_on("quick_ratio", weight="25"), ["quick_ratio", "weight"]),
}


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_catalog_is_refused_with_file_indicator_and_reason(
    tmp_path: Path, change: Callable[[Any], object], expected: list[str]
) -> None:
    message = refusal(tmp_path, change)
    assert all(part in message for part in expected), message


def test_weights_of_groups_and_dimensions_must_add_up_too(tmp_path: Path) -> None:
    def group(document: Any) -> None:
        document["dimensions"][1]["groups"][2]["weight"]["enterprise"] = 46

    def dimension(document: Any) -> None:
        document["dimensions"][1]["weight"]["individual"] = 24

    assert "dimension financial, nature enterprise: " in refusal(tmp_path, group)
    assert "nature individual: the weights of the dimensions add up to 99" in refusal(tmp_path, dimension)


def test_a_key_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = (CATALOGS / "customer.yaml").read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "- id: quick_ratio")
    lines.insert(at + 1, "            id: slow_ratio")
    file = tmp_path / "twice.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_catalog(file)
    assert str(caught.value) == f"{file}: line {at + 2}: key 'id' is given twice"


def test_an_absent_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"absent\.yaml: cannot be read"):
        load_catalog(tmp_path / "absent.yaml")


def test_a_policy_that_asks_for_what_the_catalog_lacks_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load((POLICIES / "customer.yaml").read_text(encoding="utf-8"))
    without_dimension, without_indicator = copy.deepcopy(document), copy.deepcopy(document)
    without_dimension["premium_floors"]["floors"]["charm"] = 50
    without_indicator["vetoes"][0]["when"] = {"indicator": "mood", "is": True}
    for changed, reason in (
        (without_dimension, "no dimension charm"),
        (without_indicator, "unknown indicator mood"),
    ):
        file = tmp_path / "policy.yaml"
        file.write_text(yaml.safe_dump(changed, allow_unicode=True, sort_keys=False), encoding="utf-8")
        with pytest.raises(DeclarationError, match=reason):
            load_policy(file).check_against(CATALOG)
