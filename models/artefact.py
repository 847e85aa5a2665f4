"""The artefact: one canonical JSON document with the points tables, verified before it is read.

The bytes are `{"sha256":"…","content":{…}}`, canonical (sorted keys, no spaces) within `content`, the hash
being that of the content's bytes; a signed one has `"signature":{"key":"…","value":"…"}` between the two.
Loading checks hash and signature first, executes nothing and needs no LightGBM.
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import FailFast, Field, ValidationError, field_validator, model_validator

from features.catalog import Catalog, Kind
from features.declared_errors import first_error
from features.portfolio import Floats, Portfolio
from features.terms import Declared, Nature
from models.calibration import Calibration
from models.engine import Engine
from models.packing import axes_by_feature, merged_bounds
from models.points import MOST_FEATURES, Axis, PointsTables, Table
from models.scale import Scale
from models.signature import is_signed, key_text, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# The largest document, in bytes.
MOST_BYTES = 20_000_000
# The most keys of a document: a valid one has a dozen for each table.
MOST_KEYS = 50_000
FORMAT_VERSION = 2
# The longest reason for a refusal, in characters.
MOST_OF_A_REASON = 300

# What stands before the content; each part has one length and one spelling.
_FRAME = re.compile(
    rb'\{"sha256":"(?P<hash>[0-9a-f]{64})",'
    rb'(?:"signature":\{"key":"(?P<key>[A-Za-z0-9+/]{43}=)","value":"(?P<value>[A-Za-z0-9+/]{86}==)"\},)?'
    rb'"content":'
)

# An array is given up at its first wrong element: millions of errors would take minutes and gigabytes.
Numbers = Annotated[tuple[float, ...], FailFast()]
Fact = str | int | float | bool | None


class ArtefactError(ValueError):
    """An artefact is refused; the message names the reason in one line."""


class _Axis(Declared):
    feature: int = Field(ge=0)
    thresholds: Numbers = ()
    codes: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(b <= a for a, b in zip(self.thresholds, self.thresholds[1:], strict=False)):
            raise ValueError("thresholds must rise strictly")
        if self.codes is not None and self.thresholds:
            raise ValueError("an axis has thresholds or codes, not both")
        return self

    def axis(self) -> Axis:
        return Axis(self.feature, self.thresholds, self.codes)


class _Table(Declared):
    """`contributions` holds one row for each axis: its cells, the last axis' fastest."""

    axes: Annotated[tuple[_Axis, ...], FailFast()] = Field(min_length=1, max_length=MOST_FEATURES)
    contributions: Annotated[tuple[Numbers, ...], FailFast()]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        cells = math.prod(axis.axis().cells for axis in self.axes)
        if len(self.contributions) != len(self.axes) or any(len(row) != cells for row in self.contributions):
            raise ValueError("a table needs for each of its axes one contribution for each cell")
        features = [axis.feature for axis in self.axes]
        if any(b <= a for a, b in itertools.pairwise(features)):
            raise ValueError("a table's features must be different and in order")
        return self

    def table(self) -> Table:
        axes = tuple(axis.axis() for axis in self.axes)
        return Table(axes, np.array(self.contributions).reshape(len(axes), *(axis.cells for axis in axes)))


class _Part(Declared):
    """The prior or the correction."""

    base: float
    tables: Annotated[tuple[_Table, ...], FailFast()]


class _Calibration(Declared):
    intercept: float
    slope: float = Field(gt=0)


class _Scale(Declared):
    log_odds: Numbers = Field(min_length=2)
    points: Numbers = Field(min_length=2)

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if len(self.log_odds) != len(self.points):
            raise ValueError("a scale needs one number of points for each log-odds")
        if any(b <= a for a, b in itertools.pairwise(self.log_odds)):
            raise ValueError("a scale's log-odds must rise strictly")
        falling = (100.0, *self.points, 0.0)
        if any(b >= a for a, b in itertools.pairwise(falling)):
            raise ValueError("a scale's points must fall strictly, between 100 and 0")
        anchors = zip(self.log_odds, self.points, strict=True)
        slopes = ((q - p) / (b - a) for (a, p), (b, q) in itertools.pairwise(anchors))
        if not all(-math.inf < slope < 0 for slope in slopes):
            raise ValueError("a scale's log-odds are too close together or too far apart")
        return self


class _Content(Declared):
    format: Literal["tierwise-points"]
    format_version: int
    catalog_hash: str
    policy_hash: str
    natures: Annotated[tuple[Nature, ...], FailFast()] = Field(min_length=1, max_length=len(Nature))
    features: Annotated[tuple[str, ...], FailFast()]
    prior: _Part
    correction: _Part
    calibration: _Calibration
    scale: _Scale
    training: dict[str, Fact]

    @field_validator("format_version")
    @classmethod
    def _readable(cls, version: int) -> int:
        if version != FORMAT_VERSION:
            raise ValueError(f"is {version}, and this version reads {FORMAT_VERSION} only: train again")
        return version

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        tables = self.prior.tables + self.correction.tables
        if any(axis.feature >= len(self.features) for table in tables for axis in table.axes):
            raise ValueError("a table is of a feature that is not named")
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature is named twice")
        if len(set(self.natures)) != len(self.natures):
            raise ValueError("a nature is named twice")
        return self

    @model_validator(mode="after")
    def _engine_holds_it(self) -> Self:
        """Refuse what the engine would refuse at the first request."""
        tables = self.prior.tables + self.correction.tables
        for axes in axes_by_feature(axis.axis() for table in tables for axis in table.axes).values():
            merged_bounds(axes)
        return self

    @model_validator(mode="after")
    def _sums_are_finite(self) -> Self:
        """Refuse single numbers so large that an answer could be infinite, or the difference of two such."""
        tables = self.prior.tables + self.correction.tables
        largest = [max(map(abs, row)) for table in tables for row in table.contributions]
        margin = sum(largest, abs(self.prior.base) + abs(self.correction.base))
        if not math.isfinite(abs(self.calibration.intercept) + self.calibration.slope * margin):
            raise ValueError("its contributions can add up to no finite number")
        return self


@dataclass(frozen=True, eq=False)
class Model:
    """A calibrated, exactly explained model for customers of some natures.

    Its margin is the sum of two additive models over the same features, a transparent `prior` and the learned
    `correction`; `scale` is the one of the policy that it was trained for. `training` holds facts about the
    training (dates, counts, figures), for people to read.
    """

    prior: PointsTables
    correction: PointsTables
    calibration: Calibration
    scale: Scale
    natures: tuple[Nature, ...]
    catalog_hash: str
    policy_hash: str
    training: dict[str, Fact]

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together.

        Raises:
            ArtefactError: prior and correction are over different features.
        """
        if self.prior.features != self.correction.features:
            raise ArtefactError("prior and correction must be over the same features, in the same order")

    @cached_property
    def tables(self) -> PointsTables:
        """Prior and correction as one."""
        return self.prior.plus(self.correction)

    @cached_property
    def engine(self) -> Engine:
        """What evaluates the tables, in calibrated log-odds."""
        return Engine(self.tables, self.calibration.slope, self.calibration.intercept)

    @cached_property
    def base_log_odds(self) -> float:
        """The calibrated log-odds from which contributions start, the same for every customer."""
        return self.engine.base

    def contributions(self, portfolio: Portfolio) -> Floats:
        """Return SHAP values in calibrated log-odds, shape (n, k), over the catalog's k indicators."""
        matrix = self.matrix(portfolio)
        # One customer is explained without the engine's compiled loops, which take a second to load.
        shap_values = (
            self.engine.explain_row(matrix[0])[1] if len(matrix) == 1 else self.engine.explain(matrix)[1]
        )
        result = np.zeros(portfolio.given.shape)
        result[:, [portfolio.catalog.columns[feature] for feature in self.tables.features]] = shap_values
        return result

    def matrix(self, portfolio: Portfolio) -> Floats:
        """Return the features that the tables look up, shape (n, number of features)."""
        return portfolio.matrix(self.tables.features)

    def check_against(self, catalog: Catalog) -> None:
        """Refuse a catalog other than the one that the model was trained with.

        Raises:
            ArtefactError: the hashes differ, or a table does not fit its indicator.
        """
        if self.catalog_hash != catalog.hash:
            raise ArtefactError(
                f"the model was trained with another version of catalog {catalog.catalog}: train again"
            )
        features = self.tables.features
        unknown = set(features) - set(catalog.columns)
        if unknown:
            raise ArtefactError(f"the artefact is refused: feature {min(unknown)} is not in the catalog")
        codes = category_codes(catalog, features)
        for axis in self.tables.axes:
            if axis.codes != codes.get(features[axis.feature]):
                raise ArtefactError(
                    f"the artefact is refused: a table does not fit indicator {features[axis.feature]}"
                )

    def to_bytes(self, signer: "Ed25519PrivateKey | None" = None) -> bytes:
        """Return the canonical document, signed if a key is given.

        Raises:
            ArtefactError: `from_bytes` would refuse it: a table's shape is not that of its axes, a number is
                not finite, or there are more cells, keys or bytes than are read.
        """
        return _framed(self._body(), signer)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the content, the `sha256` of the document, whether signed or not.

        Raises:
            ArtefactError: the model cannot be written.
        """
        return hashlib.sha256(self._body()).hexdigest()

    def _body(self) -> bytes:
        """Return the content's canonical bytes."""
        try:
            content = _Content(
                format="tierwise-points",
                format_version=FORMAT_VERSION,
                catalog_hash=self.catalog_hash,
                policy_hash=self.policy_hash,
                natures=self.natures,
                features=self.prior.features,
                prior=_declared_part(self.prior),
                correction=_declared_part(self.correction),
                calibration=_Calibration(intercept=self.calibration.intercept, slope=self.calibration.slope),
                scale=_Scale(log_odds=self.scale.log_odds, points=self.scale.points),
                training=self.training,
            )
        except ValidationError as error:
            raise ArtefactError(f"the model cannot be written: {_reason(error)}") from None
        return _canonical(content.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes, trusted_keys: Collection[bytes | str] | None = None) -> "Model":
        """Verify and read a document.

        Args:
            data: the document.
            trusted_keys: the public keys, one of which must have signed it: 32 bytes each, or base64.

        Raises:
            ArtefactError: with the reason; hash and signature are checked before anything is parsed.
            SignatureError: what is given as a trusted key is none.
        """
        body = verified_body(data, trusted_keys)
        if _has_too_many_keys(body):
            raise ArtefactError(f"the artefact is refused: it has more than {MOST_KEYS} keys")
        try:
            content = _Content.model_validate_json(body)
        except ValidationError as error:
            raise ArtefactError(f"the artefact is refused: {_reason(error)}") from None
        return cls(
            prior=_part(content.features, content.prior),
            correction=_part(content.features, content.correction),
            calibration=Calibration(content.calibration.intercept, content.calibration.slope),
            scale=Scale(content.scale.log_odds, content.scale.points),
            natures=content.natures,
            catalog_hash=content.catalog_hash,
            policy_hash=content.policy_hash,
            training=content.training,
        )


def signed(data: bytes, signer: "Ed25519PrivateKey") -> bytes:
    """Return a document as it is, signed by a key; a signature that it had is replaced.

    Raises:
        ArtefactError: the document is cut, changed or no artefact, or would be too large.
    """
    return _framed(verified_body(data), signer)


def unsigned_sha256(data: bytes) -> str:
    """Return the SHA-256 (hex) of a document as it would be without its signature, whoever signs it.

    Raises:
        ArtefactError: the document is cut, changed or no artefact.
    """
    return hashlib.sha256(_framed(verified_body(data), None)).hexdigest()


def verified_body(data: bytes, trusted_keys: Collection[bytes | str] | None = None) -> bytes:
    """Return the bytes of the content after checking hash and signature before them.

    A signature is checked wherever there is one; with `trusted_keys` (32 bytes each, or base64) there must be
    one, by one of them.

    Raises:
        ArtefactError: the document is cut, changed, too large, no artefact, or not signed as it must be.
        SignatureError: what is given as a trusted key is none.
    """
    if len(data) > MOST_BYTES:
        raise ArtefactError(
            f"the artefact is refused: it has {len(data)} bytes, at most {MOST_BYTES} are read"
        )
    frame = _FRAME.match(data)
    if frame is None or data[-1:] != b"}":
        raise ArtefactError("the artefact is refused: it is no points document, or its frame was changed")
    body = data[frame.end() : -1]
    digest = hashlib.sha256(body)
    if digest.hexdigest().encode() != frame["hash"]:
        raise ArtefactError("the artefact is refused: its content does not match its SHA-256")
    signature = None if frame["key"] is None else (frame["key"].decode(), frame["value"].decode())
    trusted = None if trusted_keys is None else {key_text(key) for key in trusted_keys}
    _check_signature(digest.digest(), signature, trusted)
    return body


def _check_signature(
    digest: bytes, signature: tuple[str, str] | None, trusted: Collection[str] | None
) -> None:
    """Refuse a wrong signature, and where only some keys are trusted, none or another's."""
    if signature is None:
        if trusted is not None:
            raise ArtefactError("the artefact is refused: it is not signed, and must be by a trusted key")
        return
    key, value = signature
    if not is_signed(digest, key, value):
        raise ArtefactError("the artefact is refused: its signature does not match its content")
    if trusted is not None and key not in trusted:
        raise ArtefactError(f"the artefact is refused: it is signed by {key}, which is no trusted key")


def _has_too_many_keys(body: bytes) -> bool:
    # A colon follows each key, and hardly any stands elsewhere.
    return body.count(b":") > MOST_KEYS


def _framed(body: bytes, signer: "Ed25519PrivateKey | None") -> bytes:
    """Return a document, which must not be larger than what is read."""
    if _has_too_many_keys(body):
        raise ArtefactError(
            f"the model cannot be written: its document has more than {MOST_KEYS} keys, which are not read; "
            "train with fewer pairs or triples, or note fewer facts"
        )
    digest = hashlib.sha256(body)
    signature = ""
    if signer is not None:
        key, value = sign(digest.digest(), signer)
        signature = f'"signature":{{"key":"{key}","value":"{value}"}},'
    data = f'{{"sha256":"{digest.hexdigest()}",{signature}"content":'.encode() + body + b"}"
    if len(data) > MOST_BYTES:
        raise ArtefactError(
            f"the model cannot be written: its document has {len(data)} bytes, at most {MOST_BYTES} are "
            "read; train with fewer bins, pairs or triples"
        )
    return data


def catalog_features(catalog: Catalog, natures: tuple[Nature, ...]) -> tuple[str, ...]:
    """Return the indicators that a model for these natures may use, in the catalog's order."""
    return tuple(
        placed.id
        for placed in catalog.placed
        if placed.indicator.in_model and any(placed.applies_to(nature) for nature in natures)
    )


def category_codes(catalog: Catalog, features: tuple[str, ...]) -> dict[str, int]:
    """Return for each categorical feature the number of its codes: its levels and the unseen one."""
    indicators = (catalog.by_id[feature].indicator for feature in features)
    return {i.id: len(i.level_codes) + 1 for i in indicators if i.kind is Kind.CATEGORY}


def _reason(error: ValidationError) -> str:
    """Return the first error in one short line; it may hold keys of the document, whatever they are."""
    reason = " ".join(first_error(error).split())
    return reason if len(reason) <= MOST_OF_A_REASON else f"{reason[:MOST_OF_A_REASON]}…"


def _declared_part(part: PointsTables) -> _Part:
    for table in part.tables:
        if table.contributions.shape != (len(table.axes), *(axis.cells for axis in table.axes)):
            raise ArtefactError(
                f"the model cannot be written: the table of features {table.features} has contributions of "
                f"shape {table.contributions.shape}, which is not that of its axes"
            )
    return _Part(
        base=part.base,
        tables=tuple(
            _Table(
                axes=tuple(
                    _Axis(feature=axis.feature, thresholds=axis.thresholds, codes=axis.codes)
                    for axis in table.axes
                ),
                contributions=tuple(tuple(cells.ravel().tolist()) for cells in table.contributions),
            )
            for table in part.tables
        ),
    )


def _part(features: tuple[str, ...], part: _Part) -> PointsTables:
    return PointsTables(features, part.base, tuple(table.table() for table in part.tables))


def _canonical(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()
