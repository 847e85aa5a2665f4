"""The check: ask the scorer about customers, work out what it must answer, and compare everything."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.independent.asking import Ask, answers_to, is_refused
from training.independent.awkward import awkward_customers, refused_customers
from training.independent.comparing import Comparison
from training.independent.customers import Customer, Unreadable, read_customer
from training.independent.declared import Json
from training.independent.documents import Documents, Dossier, NotCheckable
from training.independent.expected import Rules, expected_answer
from training.independent.findings import Finding, Tally, Verdict, of_arrays, of_statement
from training.independent.model_part import ModelPart, ModelParts, matrix_of, model_parts
from training.independent.opinions import Opinion, shapiq_explainer, tree_explainer
from training.independent.perturbing import Perturbed, perturbed
from training.independent.point_map import PointMap
from training.independent.report import Report, Subject
from training.independent.sentences import LANGUAGES
from training.independent.subsets import MOST_PLAYERS, BruteForce, by_subsets
from training.independent.tables import against_direction, looked_up
from training.independent.trees import Floats

SEED = 20260101
# Awkward variants for each two real customers.
_PER_CUSTOMERS = 2

Progress = Callable[[str], None]


def check(
    documents: Documents,
    customers: Sequence[Json],
    ask: Ask,
    *,
    model_version: str | None = None,
    progress: Progress = lambda step: None,
) -> Report:
    """Check what is served of customers against what a version's documents say.

    Half as many awkward customers as there are real ones are made from them and asked about too, each in one
    of the three languages.

    Args:
        documents: those of the version.
        customers: raw ones as they are sent; those that cannot be evaluated have to be refused.
        ask: the scorer of the version: the service over HTTP, or what answers there.
        model_version: what answers must call the version, such as `sba/3`.
        progress: told each step as it begins.

    Raises:
        NotCheckable: the documents cannot be read, the scorer does not answer, or no customer is of a nature
            with a model.
    """
    return _Check(Dossier(documents), ask, model_version, progress).run(customers)


class _Check:
    def __init__(self, dossier: Dossier, ask: Ask, model_version: str | None, progress: Progress) -> None:
        self._dossier, self._ask, self._progress = dossier, ask, progress
        self._rules = Rules(
            dossier.catalog,
            dossier.policy,
            model_version,
            str(dossier.content["catalog_hash"]),
            str(dossier.content["policy_hash"]),
        )

    def run(self, given: Sequence[Json]) -> Report:
        dossier, progress = self._dossier, self._progress
        real, refused = self._readable(given)
        if not any(raw["nature"] in dossier.natures for raw in real):
            raise NotCheckable(
                f"no customer has a nature that has a model ({', '.join(dossier.natures)}): give others"
            )
        progress("asking the scorer")
        variants = awkward_customers(
            real, dossier.catalog, dossier.policy, dossier.thresholds, len(real) // _PER_CUSTOMERS + 2,
            np.random.default_rng(SEED),
        )  # fmt: skip
        raws = [*real, *variants]
        served = self._served(raws)
        refusals = self._refusals([*refused, *refused_customers(real, dossier.catalog)])

        customers = [read_customer(raw, dossier.catalog) for raw in raws]
        modelled = [place for place, c in enumerate(customers) if c.nature in dossier.natures]
        matrix = matrix_of([customers[place] for place in modelled], dossier.features)
        progress("explaining the boosters with shap")
        shap = tree_explainer(dossier.documents.boosters, matrix)
        progress("explaining the boosters by subsets of features")
        # In another order, so that those which there is time for are not the real ones alone.
        order = np.random.default_rng(SEED).permutation(len(matrix))
        brute = by_subsets(dossier.boosters, matrix[order])
        shapiq = shapiq_explainer(dossier.documents.boosters, dossier.boosters, matrix)
        progress("comparing")
        parts = model_parts(dossier, matrix, shap)
        of_answers = self._compared(customers, dict(zip(modelled, parts.parts, strict=True)), served)
        findings = (
            *_of_documents(dossier),
            *_of_boosters(dossier, parts, shap, brute, order, shapiq),
            *of_answers,
            refusals,
        )
        return Report(
            Subject(
                model_version=self._rules.model_version,
                hashes=dossier.hashes(),
                customers=len(real),
                variants=len(variants),
                with_model=len(modelled),
                by_subsets=None if brute is None else len(brute.values),
                boosters=len(dossier.boosters),
                trees=sum(len(booster.trees) for booster in dossier.boosters),
            ),
            findings,
            tuple(self._perturbed(real, served, of_answers)),
            tuple(_notes(brute, shapiq)),
        )

    def _readable(self, given: Sequence[Json]) -> tuple[list[Json], list[Json]]:
        """Return the customers that can be evaluated, and those that cannot."""
        real: list[Json] = []
        refused: list[Json] = []
        for raw in given:
            try:
                read_customer(raw, self._dossier.catalog)
                real.append(raw)
            except Unreadable:
                refused.append(raw)
        return real, refused

    def _served(self, raws: Sequence[Json]) -> list[Json]:
        """Return the answers, each customer's in the language at its place."""
        served: list[Json] = [{}] * len(raws)
        for number, language in enumerate(LANGUAGES):
            places = range(number, len(raws), len(LANGUAGES))
            answers = answers_to(self._ask, [raws[place] for place in places], language)
            for place, answer in zip(places, answers, strict=True):
                served[place] = answer
        return served

    def _refusals(self, raws: Sequence[Json]) -> Finding:
        """Return whether customers that cannot be evaluated are refused, each by itself."""
        tally = Tally("refusals", None)
        for raw in raws:
            tally.texts([True], [is_refused(self._ask, raw)])
        return tally.finding()

    def _compared(
        self, customers: Sequence[Customer], parts: dict[int, ModelPart], served: Sequence[Json]
    ) -> list[Finding]:
        comparison = Comparison()
        for place, (customer, answer) in enumerate(zip(customers, served, strict=True)):
            part = parts.get(place)
            language = LANGUAGES[place % len(LANGUAGES)]
            comparison.add(expected_answer(customer, part, self._rules, language), part, answer)
        return list(comparison.findings())

    def _perturbed(
        self, real: Sequence[Json], served: Sequence[Json], findings: Sequence[Finding]
    ) -> list[Perturbed]:
        """Return the perturbations; none where answers are not even made as they should be."""
        if any(f.verdict is Verdict.FAILED for f in findings if f.id in ("lines", "contributions", "score")):
            return []
        self._progress("perturbing")
        return perturbed(self._ask, real, served[: len(real)])


def _of_documents(dossier: Dossier) -> Iterator[Finding]:
    """Yield whether the documents agree with each other."""
    content, policy = dossier.content, dossier.policy
    training: dict[str, Any] = content.get("training") or {}
    bags = training.get("bags", len(dossier.boosters))
    yield of_statement("bags", bags == len(dossier.boosters), f"{len(dossier.boosters)} boosters")
    with_prior = training.get("with_prior")
    has_prior = bool(dossier.prior["tables"])
    yield of_statement("with_prior", with_prior in (None, has_prior), "the prior")
    directions = {
        place: int(dossier.catalog.by_id[feature].document.get("risk_direction", 0))
        for place, feature in enumerate(dossier.features)
    }
    wrong = against_direction(dossier.prior, directions)
    yield of_statement("prior_directions", wrong is None, None if wrong is None else dossier.features[wrong])
    tally = Tally("scale")
    own = PointMap.through(policy.probabilities, policy.cut_offs)
    for name, expected in (("log_odds", own.log_odds), ("points", own.points)):
        given = content["scale"][name]
        tally.numbers(
            {f"{name} {place}": value for place, value in enumerate(expected)},
            {f"{name} {place}": value for place, value in enumerate(given)},
        )
    yield tally.finding()


def _of_boosters(
    dossier: Dossier,
    parts: ModelParts,
    shap: Opinion,
    brute: BruteForce | None,
    order: NDArray[np.intp],
    shapiq: Opinion | str,
) -> Iterator[Finding]:
    """Yield whether the opinions on the boosters agree, and the document's tables with them.

    Brute force was asked about the first rows in an order, the others about all as they come.
    """
    features = dossier.features
    walked = np.mean([booster.margin(parts.matrix) for booster in dossier.boosters], axis=0)
    yield of_arrays("margin", walked[:, None], parts.margin[:, None], ["margin"])
    added = shap.base + shap.values.sum(axis=1)
    yield of_arrays("shap_sum", added[:, None], walked[:, None], ["sum"])
    if brute is not None:
        of_rows = shap.values[order[: len(brute.values)]]
        yield of_arrays(
            "brute_force",
            _with_base(brute.values, brute.base), _with_base(of_rows, shap.base), (*features, "base"),
        )  # fmt: skip
    if isinstance(shapiq, Opinion):
        yield of_arrays(
            "shapiq",
            _with_base(shapiq.values, shapiq.base), _with_base(shap.values, shap.base), (*features, "base"),
        )  # fmt: skip
    tables = looked_up(dossier.correction, parts.matrix)
    yield of_arrays(
        "tables", _with_base(tables, dossier.correction["base"]), _with_base(shap.values, shap.base),
        (*features, "base"),
    )  # fmt: skip


def _with_base(values: Floats, base: float) -> Floats:
    return np.column_stack([values, np.full(len(values), base)])


def _notes(brute: BruteForce | None, shapiq: Opinion | str) -> Iterator[str]:
    if brute is None:
        yield (
            f"Not summed over subsets: a tree splits by more than {MOST_PLAYERS} features; shap and the walk "
            "through the trees are what the tables were compared with."
        )
    if isinstance(shapiq, str):
        yield f"shapiq, a further opinion: {shapiq}."
