"""One customer's decision for a terminal: tier with its basis, contributions by size, reasons."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from features.catalog import Catalog
from features.customer import encode_value, parse_customer
from features.terms import Language, Nature, Tier
from models.answer import Answer, BasisLine, Contribution
from models.decision import Scorer
from models.policy import Policy
from models.reasons import shown_value, tier_name
from models.tiering import Rule
from serving import answer_words as words
from serving.scoring import score_customers
from serving.served import Served

# A smaller contribution shows as 0.00 points.
_SHOWN = 0.005


def explain_customer(
    raw: Mapping[str, Any],
    scorer: Scorer,
    *,
    language: Language = Language.EN,
    model_version: str | None = None,
) -> Answer:
    """Return the explained decision on one raw customer, as the service gives it.

    Raises:
        InvalidCustomer: it cannot be evaluated as given.
        UnexplainedScore: the score is not the sum of its contributions.
    """
    customer = parse_customer(raw, scorer.catalog)
    (answer,) = score_customers(Served(scorer, model_version), [customer], language=language)
    return answer


def rank_contributions(answer: Answer) -> list[Contribution]:
    """Return an explained answer's contributions by the size of their effect, those without one left out."""
    effective = [line for line in answer["contributions"] if line["points"]]
    return sorted(effective, key=lambda line: -abs(line["points"]))


def render(answer: Answer, scorer: Scorer, language: Language = Language.EN) -> RenderableType:
    """Return an explained answer as Rich shows it. Texts are never read as markup."""
    catalog, policy = scorer.catalog, scorer.policy
    return Group(
        _heading(answer, catalog, policy, language),
        Text(),
        *(Text(f"• {reason}") for reason in answer["reasons"]),
        Text(),
        _contributions(answer, catalog, language),
        Text(),
        *(Text(f"→ {strategy}") for strategy in answer["strategies"]),
    )


def _heading(answer: Answer, catalog: Catalog, policy: Policy, language: Language) -> RenderableType:
    def scored(score: float, tier: str) -> str:
        return f"{score:.2f}, {_tier(tier, policy, language)}"

    model, probability = answer["model"], answer["probability"]
    nature = words.NATURES[Nature(answer["nature"])].in_language(language)
    customer = words.CUSTOMER_TOLD.in_language(language)
    indicative = words.TIER_TOLD.in_language(language)
    rows = [
        (words.CUSTOMER, customer.format(id=answer["customer_id"], nature=nature, as_of=answer["as_of"])),
        (words.TIER, indicative.format(tier=_tier(answer["tier"], policy, language))),
        (words.SCORE, f"{answer['score']:.2f}"),
        (words.BASELINE, scored(answer["baseline"]["score"], answer["baseline"]["tier"])),
    ]
    if model is not None:
        rows.append((words.MODEL, scored(model["score"], model["tier"])))
    if probability is not None:
        told = words.PROBABILITY_TOLD.in_language(language)
        outcome = policy.outcome.in_language(language)
        rows.append((words.PROBABILITY, told.format(value=f"{probability:.4f}", outcome=outcome)))
    rows += [
        (words.COMPLETENESS, f"{answer['completeness']:.0%}"),
        (words.BASIS, _basis(answer, catalog, policy, language)),
    ]
    if answer["review"]:
        rows.append((words.REVIEW, ", ".join(words.review_told(of, language) for of in answer["review"])))
    table = Table.grid(padding=(0, 2))
    for label, text in rows:
        table.add_row(Text(label.in_language(language), "bold"), Text(text))
    return table


def _tier(tier: str, policy: Policy, language: Language) -> str:
    return tier_name(Tier(tier), policy).in_language(language)


def _basis(answer: Answer, catalog: Catalog, policy: Policy, language: Language) -> str:
    """Return the rules that the tier rests on, in the order applied."""
    subjects = {of.id: of.names for of in catalog.dimensions} | {of.id: of.names for of in policy.vetoes}

    def rule(line: BasisLine) -> str:
        name = words.RULES[Rule(line["rule"])].in_language(language)
        subject = line["subject"]
        about = "" if subject is None else f" {subjects[subject].in_language(language)}"
        return f"{name}{about}: {_tier(line['tier'], policy, language)}"

    return " → ".join(rule(line) for line in answer["tier_basis"])


def _contributions(answer: Answer, catalog: Catalog, language: Language) -> Table:
    named = (words.INDICATOR, words.DIMENSION, words.VALUE)
    heads = (of.in_language(language) for of in named)
    table = Table(*heads, box=None, header_style="bold", pad_edge=False)
    table.add_column(words.POINTS.in_language(language), justify="right")
    table.add_row(Text(words.REFERENCE.in_language(language)), "", "", f"{answer['base']:.2f}")
    ranked = rank_contributions(answer)
    shown = [line for line in ranked if abs(line["points"]) >= _SHOWN]
    for line in shown:
        placed = catalog.by_id[line["indicator"]]
        value = words.STATUSES[line["status"]].in_language(language)
        if line["value"] is not None:
            code = encode_value(placed.indicator, line["value"])
            value = shown_value(placed, code, catalog, language).strip()
        table.add_row(
            Text(placed.indicator.names.in_language(language)),
            Text(placed.dimension.names.in_language(language)),
            Text(value),
            f"{line['points']:+.2f}",
        )
    smaller = sum(line["points"] for line in ranked[len(shown) :])
    if len(shown) < len(ranked):
        told = words.SMALLER.in_language(language).format(n=len(ranked) - len(shown))
        table.add_row(Text(told), "", "", f"{smaller:+.2f}")
    total = words.SCORE.in_language(language)
    table.add_row(Text(total, "bold"), "", "", Text(f"{answer['score']:.2f}", "bold"))
    return table
