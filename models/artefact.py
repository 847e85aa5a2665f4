"""The artefact: one canonical JSON document with the points tables, verified before it is read.

The bytes are `{"sha256":"…","content":{…}}`, canonical (sorted keys, no spaces) within `content`, the hash
being that of the content's bytes. Loading checks the hash first, executes nothing and needs no LightGBM.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from features.catalog import Catalog, Kind
from features.declaration import first_error
from features.portfolio import Floats, Portfolio
from features.terms import Declared, Nature
from models.calibration import Calibration
from models.points import Axis, MainTable, PairTable, PointsTables

_HEAD = b'{"sha256":"'
_MIDDLE = b'","content":'
_START = len(_HEAD) + 64 + len(_MIDDLE)

Numbers = tuple[float, ...]
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


class _Main(Declared):
    axis: _Axis
    contributions: Numbers

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.contributions) != self.axis.axis().cells:
            raise ValueError("a table needs one contribution for each cell")
        return self


class _Pair(Declared):
    first: _Axis
    second: _Axis
    first_contributions: tuple[Numbers, ...]
    second_contributions: tuple[Numbers, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        rows, columns = self.first.axis().cells, self.second.axis().cells
        for grid in (self.first_contributions, self.second_contributions):
            if len(grid) != rows or any(len(row) != columns for row in grid):
                raise ValueError("a grid needs one contribution for each pair of cells")
        return self


class _Calibration(Declared):
    intercept: float
    slope: float = Field(gt=0)


class _Content(Declared):
    format: Literal["tierwise-points"] = "tierwise-points"
    format_version: Literal[1] = 1
    catalog_hash: str
    policy_hash: str
    natures: tuple[Nature, ...] = Field(min_length=1)
    features: tuple[str, ...]
    base: float
    mains: tuple[_Main, ...]
    pairs: tuple[_Pair, ...]
    calibration: _Calibration
    training: dict[str, Fact]

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        axes = [main.axis for main in self.mains]
        axes += [axis for pair in self.pairs for axis in (pair.first, pair.second)]
        if any(axis.feature >= len(self.features) for axis in axes):
            raise ValueError("a table is of a feature that is not named")
        if any(pair.first.feature == pair.second.feature for pair in self.pairs):
            raise ValueError("a pair needs two different features")
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature is named twice")
        return self


@dataclass(frozen=True, eq=False)
class Model:
    """A calibrated, exactly explained model for customers of some natures.

    `training` holds facts about the training (dates, counts, figures), for people to read.
    """

    tables: PointsTables
    calibration: Calibration
    natures: tuple[Nature, ...]
    catalog_hash: str
    policy_hash: str
    training: dict[str, str | int | float | bool | None]

    @cached_property
    def base_log_odds(self) -> float:
        """The calibrated log-odds from which contributions start, the same for every customer."""
        return self.calibration.intercept + self.calibration.slope * self.tables.base

    def contributions(self, portfolio: Portfolio) -> Floats:
        """Return SHAP values in calibrated log-odds, shape (n, k), over the catalog's k indicators."""
        shap_values = self.tables.contributions(self.matrix(portfolio)) * self.calibration.slope
        result = np.zeros(portfolio.given.shape)
        result[:, [portfolio.catalog.columns[feature] for feature in self.tables.features]] = shap_values
        return result

    def matrix(self, portfolio: Portfolio) -> Floats:
        """Return the features that the tables look up, shape (n, number of features)."""
        columns = [portfolio.catalog.columns[feature] for feature in self.tables.features]
        return portfolio.values[:, columns]

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

    def to_bytes(self) -> bytes:
        """Return the canonical document."""
        tables = self.tables
        content = _Content(
            catalog_hash=self.catalog_hash,
            policy_hash=self.policy_hash,
            natures=self.natures,
            features=tables.features,
            base=tables.base,
            mains=tuple(
                _Main(axis=_declared(main.axis), contributions=tuple(main.contributions.tolist()))
                for main in tables.mains
            ),
            pairs=tuple(
                _Pair(
                    first=_declared(pair.first),
                    second=_declared(pair.second),
                    first_contributions=_rows(pair.first_contributions),
                    second_contributions=_rows(pair.second_contributions),
                )
                for pair in tables.pairs
            ),
            calibration=_Calibration(intercept=self.calibration.intercept, slope=self.calibration.slope),
            training=self.training,
        )
        body = _canonical(content.model_dump(mode="json"))
        return _HEAD + hashlib.sha256(body).hexdigest().encode() + _MIDDLE + body + b"}"

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Verify and read a document.

        Raises:
            ArtefactError: with the reason; the hash is checked before anything is parsed.
        """
        body = verified_body(data)
        try:
            content = _Content.model_validate_json(body)
        except ValidationError as error:
            raise ArtefactError(f"the artefact is refused: {first_error(error)}") from None
        return cls(
            tables=PointsTables(
                features=content.features,
                base=content.base,
                mains=tuple(MainTable(m.axis.axis(), np.array(m.contributions)) for m in content.mains),
                pairs=tuple(
                    PairTable(
                        pair.first.axis(),
                        pair.second.axis(),
                        np.array(pair.first_contributions),
                        np.array(pair.second_contributions),
                    )
                    for pair in content.pairs
                ),
            ),
            calibration=Calibration(content.calibration.intercept, content.calibration.slope),
            natures=content.natures,
            catalog_hash=content.catalog_hash,
            policy_hash=content.policy_hash,
            training=content.training,
        )


def verified_body(data: bytes) -> bytes:
    """Return the bytes of the content after checking them against the hash before them.

    Raises:
        ArtefactError: the document is cut, changed or no artefact.
    """
    framed = data.startswith(_HEAD) and data[_START - len(_MIDDLE) : _START] == _MIDDLE and data[-1:] == b"}"
    if not framed:
        raise ArtefactError("the artefact is refused: it is no points document, or its frame was changed")
    body = data[_START:-1]
    if hashlib.sha256(body).hexdigest().encode() != data[len(_HEAD) : len(_HEAD) + 64]:
        raise ArtefactError("the artefact is refused: its content does not match its SHA-256")
    return body


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


def _declared(axis: Axis) -> _Axis:
    return _Axis(feature=axis.feature, thresholds=axis.thresholds, codes=axis.codes)


def _rows(grid: Floats) -> tuple[Numbers, ...]:
    return tuple(tuple(row) for row in grid.tolist())


def _canonical(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()
