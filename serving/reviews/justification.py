"""A decision's full justification as it is kept: inputs, evidence, answer and reasons, in canonical bytes."""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import TypedDict

from features.catalog import Kind
from features.portfolio import Portfolio
from features.terms import Language
from models.answer import Answer, answer
from models.decision import Decisions
from models.reasons import reasons
from serving.confidential.sealing import open_sealed, seal

_FORMAT = 1


class EvidenceLine(TypedDict):
    """Where an indicator's value comes from: the department, the day of its newest fact, and its status."""

    department: str
    evidence: str | None
    status: str
    stale: bool


class Justification(TypedDict):
    """Everything that a decision rests on and says.

    `inputs` is the customer as `features.customer.parse_customer` takes it; `answer` is explained, without
    texts of its own; `reasons` are the texts by language, as they were at the time.
    """

    format: int
    inputs: dict[str, Any]
    evidence: dict[str, EvidenceLine]
    answer: Answer
    reasons: dict[str, list[str]]


def justify(
    decisions: Decisions, row: int, model_version: str | None, evidence: Mapping[str, EvidenceLine]
) -> Justification:
    """Return the justification of one decision of a portfolio."""
    given = answer(decisions, row, language=Language.EN, explain=True, model_version=model_version)
    del given["reasons"]
    return {
        "format": _FORMAT,
        "inputs": inputs_of(decisions.portfolio, row),
        "evidence": dict(evidence),
        "answer": given,
        "reasons": {str(language): reasons(decisions, row, language) for language in Language},
    }


def inputs_of(portfolio: Portfolio, row: int) -> dict[str, Any]:
    """Return one customer as it was given, what did not apply included."""
    given = portfolio.given[row]
    indicators: dict[str, float | bool | str] = {}
    for column in np.flatnonzero(~np.isnan(given)):
        indicator = portfolio.catalog.placed[column].indicator
        match indicator.kind:
            case Kind.NUMBER:
                indicators[indicator.id] = float(given[column])
            case Kind.FLAG:
                indicators[indicator.id] = bool(given[column])
            case Kind.CATEGORY:
                indicators[indicator.id] = str(portfolio.levels[indicator.id][row])
    return {
        "customer_id": portfolio.customer_ids[row],
        "nature": str(portfolio.natures[row]),
        "as_of": portfolio.as_of[row].isoformat(),
        "indicators": indicators,
    }


def canonical(justification: Justification) -> bytes:
    """Return the bytes that a replay must reproduce."""
    return json.dumps(
        justification, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def read_justification(content: bytes) -> Justification:
    """Return a justification from its canonical bytes.

    Raises:
        ValueError: it has another format than this version writes.
    """
    justification: Justification = json.loads(content)
    if justification["format"] != _FORMAT:
        raise ValueError(f"a justification of format {justification['format']} needs another version")
    return justification


def seal_justification(content: bytes, data_key: bytes, decision: str) -> bytes:
    """Return a justification's canonical bytes compressed and sealed for one decision."""
    return seal(data_key, zlib.compress(content), _purpose(decision))


def open_justification(sealed: bytes, data_key: bytes, decision: str) -> bytes:
    """Return the canonical bytes that were sealed.

    Raises:
        SealError: they were changed, or belong to another decision or customer.
    """
    return zlib.decompress(open_sealed(data_key, sealed, _purpose(decision)))


def digest_of(sealed: bytes) -> str:
    """Return the SHA-256 (hex) of what is sealed; after an erasure it still tells of a change, no more."""
    return hashlib.sha256(sealed).hexdigest()


def digest_of_all(digests: Sequence[str]) -> str:
    """Return the SHA-256 (hex) over digests: so one audit entry vouches for many decisions in their order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _purpose(decision: str) -> str:
    return f"justification of decision {decision}"
