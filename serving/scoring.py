"""Scoring checked customers: the one path that the service and the command line share."""

from collections.abc import Iterator, Sequence

from features.catalog import Catalog
from features.customer import Customer
from features.portfolio import Portfolio
from features.terms import Language
from models.answer import Answer, answer
from serving.served import Served


def score_customers(
    served: Served,
    customers: Sequence[Customer],
    *,
    language: Language = Language.EN,
    explain: bool = True,
) -> list[Answer]:
    """Return the customers' answers in their order.

    Raises:
        UnexplainedScore: a score is not the sum of its contributions; nothing is answered then.
    """
    portfolio = Portfolio.from_customers(customers, served.scorer.catalog)
    return list(answers(served, portfolio, language=language, explain=explain))


def answers(
    served: Served, portfolio: Portfolio, *, language: Language = Language.EN, explain: bool = True
) -> Iterator[Answer]:
    """Decide on a portfolio at once and yield the answers in its order.

    Raises:
        UnexplainedScore: a score is not the sum of its contributions; nothing is answered then.
    """
    decisions = served.scorer.decide(portfolio)
    for row in range(len(decisions)):
        yield answer(decisions, row, language=language, explain=explain, model_version=served.model_version)


def scored_indicators(catalog: Catalog) -> tuple[str, ...]:
    """Return the indicators that can contribute to a score, in the catalog's order."""
    return tuple(
        placed.id
        for placed in catalog.placed
        if placed.indicator.in_model
        or any(placed.indicator.weight_of(nature) > 0 for nature in catalog.natures)
    )
