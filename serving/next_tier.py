"""Paths for checked customers: what the service and the command line share."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from features.customer import Customer, encode_value, parse_customer
from features.expressions.relations import related
from features.portfolio import Portfolio
from features.terms import Language, Tier
from models.next_tier.answer import PathAnswer, PathStep, path_answer
from models.next_tier.paths import PathFinder
from models.next_tier.wording import signed
from models.reasons import shown_value, tier_name
from serving import answer_words as words
from serving.served import Served


class NextTier:
    """Finds and words paths under what is served."""

    def __init__(self, served: Served) -> None:
        """Prepare all that does not depend on the customer."""
        self._served = served
        self._finder = PathFinder(served.scorer)
        self._related = related(served.scorer.catalog)

    def answer(self, customer: Customer, language: Language = Language.EN) -> PathAnswer:
        """Return one customer's path.

        Raises:
            UnexplainedScore: a score is not the sum of its contributions; nothing is answered then.
        """
        portfolio = Portfolio.from_customers([customer], self._served.scorer.catalog)
        return path_answer(
            self._finder.find(portfolio),
            self._related,
            language=language,
            model_version=self._served.model_version,
        )

    def answer_raw(self, raw: Mapping[str, Any], language: Language = Language.EN) -> PathAnswer:
        """Return the path of one raw customer, as the service gives it.

        Raises:
            InvalidCustomer: it cannot be evaluated as given.
            UnexplainedScore: a score is not the sum of its contributions.
        """
        return self.answer(parse_customer(raw, self._served.scorer.catalog), language)

    def render(self, answer: PathAnswer, language: Language = Language.EN) -> RenderableType:
        """Return an answer as Rich shows it. Texts are never read as markup."""
        policy = self._served.scorer.policy
        tier = tier_name(Tier(answer["tier"]), policy).in_language(language)
        heading = Text(f"{answer['customer_id']}: {answer['score']:.2f}, {tier}", "bold")
        named = (words.INDICATOR, words.ACTION, words.FROM, words.TO)
        heads = (of.in_language(language) for of in named)
        table = Table(*heads, box=None, header_style="bold", pad_edge=False)
        table.add_column(words.POINTS.in_language(language), justify="right")
        for step in answer["steps"]:
            table.add_row(*self._cells(step, language))
        if answer["steps"]:
            others = words.OTHERS.in_language(language)
            table.add_row(Text(others), "", "", "", signed(answer["other_points"]))
        below: list[RenderableType] = [Text(), table, Text(), Text(answer["assumption"])]
        return Group(
            heading,
            *(Text(f"• {reason}") for reason in answer["reasons"]),
            *(below if answer["steps"] else []),
        )

    def _cells(self, step: PathStep, language: Language) -> list[Text]:
        catalog = self._served.scorer.catalog
        placed = catalog.by_id[step["indicator"]]
        shown = [
            "" if value is None
            else shown_value(placed, encode_value(placed.indicator, value), catalog, language).strip()
            for value in (step["from"], step["to"])
        ]  # fmt: skip
        name = placed.indicator.names.in_language(language)
        action = words.ACTIONS[step["action"]].in_language(language)
        return [Text(cell) for cell in (name, action, *shown, signed(step["points"]))]
