"""One customer's decision for a terminal: tier with its basis, contributions by size, reasons."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from features.catalog import Catalog
from features.customer import encode_value, parse_customer
from features.terms import Language, Tier
from models.answer import Answer, Contribution
from models.decision import Scorer
from models.policy import Policy
from models.reasons import shown_value, tier_name
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
        _heading(answer, policy, language),
        Text(),
        *(Text(f"• {reason}") for reason in answer["reasons"]),
        Text(),
        _contributions(answer, catalog, language),
        Text(),
        *(Text(f"→ {strategy}") for strategy in answer["strategies"]),
    )


def _heading(answer: Answer, policy: Policy, language: Language) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    name = tier_name(Tier(answer["tier"]), policy).in_language(language)
    rows = [
        ("customer", f"{answer['customer_id']} ({answer['nature']}, as of {answer['as_of']})"),
        ("tier", f"{name} ({answer['tier_kind']})"),
        ("score", f"{answer['score']:.2f}"),
        ("baseline", f"{answer['baseline']['score']:.2f}, {answer['baseline']['tier']}"),
    ]
    model = answer["model"]
    if model is not None:
        rows.append(("model", f"{model['score']:.2f}, {model['tier']}"))
    if answer["probability"] is not None:
        rows.append(
            ("probability", f"{answer['probability']:.4f} of: {policy.outcome.in_language(language)}")
        )
    rows += [("completeness", f"{answer['completeness']:.0%}"), ("basis", _basis(answer))]
    if answer["review"]:
        rows.append(("for review", ", ".join(answer["review"])))
    for label, text in rows:
        table.add_row(Text(label, "bold"), Text(text))
    return table


def _basis(answer: Answer) -> str:
    """Return the rules that the tier rests on, in the order applied."""
    return " → ".join(
        f"{line['rule']}{' ' + line['subject'] if line['subject'] else ''}: {line['tier']}"
        for line in answer["tier_basis"]
    )


def _contributions(answer: Answer, catalog: Catalog, language: Language) -> Table:
    table = Table("indicator", "dimension", "value", box=None, header_style="bold", pad_edge=False)
    table.add_column("points", justify="right")
    table.add_row(Text("reference"), "", "", f"{answer['base']:.2f}")
    ranked = rank_contributions(answer)
    shown = [line for line in ranked if abs(line["points"]) >= _SHOWN]
    for line in shown:
        placed = catalog.by_id[line["indicator"]]
        value = line["status"].replace("_", " ")
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
        table.add_row(Text(f"{len(ranked) - len(shown)} smaller ones"), "", "", f"{smaller:+.2f}")
    table.add_row(Text("score", "bold"), "", "", Text(f"{answer['score']:.2f}", "bold"))
    return table
