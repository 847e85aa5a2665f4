"""Segments: does the model rank, and is its level right, for everybody or only for most?"""

from collections.abc import Iterator

import numpy as np

from features.catalog import Kind
from features.portfolio import Bools
from features.terms import Text
from training.battery import words
from training.battery.discrimination import areas
from training.battery.evidence import Evidence
from training.battery.figures import normal_interval
from training.battery.recalibration import level_shift
from training.battery.result import Check, Part, Range, Result
from training.battery.segmentation import (
    SIZE_BANDS,
    Segmentation,
    by_indicator,
    by_nature,
    by_year,
    size_indicator,
)

AUC = Check(
    "segments.auc",
    words.SEGMENT_AUC,
    "DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; the segments' intervals together by Bonferroni",
)
LEVEL = Check(
    "segments.level",
    words.SEGMENT_LEVEL,
    "Cox (1958), Biometrika 45; Steyerberg (2019), chapter 15; the segments' intervals together by "
    "Bonferroni",
)


def segments(evidence: Evidence) -> Iterator[Result]:
    """Yield both checks by nature, category, size and year.

    The lowest AUC and the level farthest off are shown. A check fails where some segment's whole interval
    lies beyond what is tolerated.
    """
    for segmentation in segmentations(evidence):
        limits = evidence.limits
        large = segmentation.large(evidence.bad, limits.minimum_segment, limits.minimum_outcomes)
        rows = [(name, inside) for name, inside in large.rows() if evidence.tells(inside)]
        checks = [check.about(large.id, large.name) for check in (AUC, LEVEL)]
        if len(rows) < 2:
            yield from (check.no_answer(words.ONE_GROUP, evidence.n) for check in checks)
            continue
        # All intervals of a check hold at once at the level.
        level = 1 - limits.alpha / len(rows)
        yield _areas(checks[0], evidence, rows, level)
        yield _levels(checks[1], evidence, rows, level)


def segmentations(evidence: Evidence) -> Iterator[Segmentation]:
    """Yield the ways in which customers are parted; one that leaves all in one segment is left out."""
    portfolio, catalog = evidence.data.portfolio, evidence.catalog
    found = [by_nature(portfolio)]
    found += [
        by_indicator(portfolio, placed.id)
        for placed in catalog.placed
        if placed.indicator.kind is Kind.CATEGORY and not placed.indicator.protected
    ]
    size = size_indicator(catalog, evidence.limits.size)
    if size is not None:
        of_size = by_indicator(portfolio, size, SIZE_BANDS)
        found.append(Segmentation("size", words.about(words.SIZE, of_size.name), of_size.names, of_size.of))
    if evidence.dated:
        found.append(by_year(evidence.data.cohorts))
    for segmentation in found:
        if len(segmentation.rows()) > 1:
            yield segmentation


def _areas(check: Check, evidence: Evidence, rows: list[tuple[Text, Bools]], level: float) -> Result:
    bad, chances, groups = evidence.bad, evidence.probability, evidence.data.groups
    whole = float(areas(bad, [chances], groups).areas[0])
    parts = []
    for name, inside in rows:
        found = areas(bad[inside], [chances[inside]], groups[inside])
        area, error = float(found.areas[0]), float(np.sqrt(found.covariance[0, 0]))
        interval = normal_interval(area, error, level, 0.0, 1.0)
        parts.append(Part(name, area, int(np.sum(inside)), interval))
    tolerated = Range(low=whole - evidence.limits.tolerated_segment_auc)
    return _worst(check, parts, tolerated, min(parts, key=lambda part: part.value))


def _levels(check: Check, evidence: Evidence, rows: list[tuple[Text, Bools]], level: float) -> Result:
    parts = []
    for name, inside in rows:
        groups = evidence.data.groups[inside]
        found = level_shift(evidence.log_odds[inside], evidence.bad[inside], groups)
        if found is not None:
            parts.append(Part(name, found[0], int(np.sum(inside)), normal_interval(*found, level)))
    limit = evidence.limits.tolerated_segment_level
    if not parts:
        return check.no_answer(words.UNDEFINED, evidence.n)
    return _worst(check, parts, Range(-limit, limit), max(parts, key=lambda part: abs(part.value)))


def _worst(check: Check, parts: list[Part], tolerated: Range, worst: Part) -> Result:
    return check.answer(
        worst.value,
        sum(part.n or 0 for part in parts),
        passed=all(part.interval is None or tolerated.meets(part.interval) for part in parts),
        threshold=tolerated,
        interval=worst.interval,
        parts=parts,
    )
