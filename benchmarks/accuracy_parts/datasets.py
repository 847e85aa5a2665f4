"""The data sets: each a declaration of its label, its identifier and its categories, read by one code path.

The sample of SBA loans is the project's own and comes dated, with the catalog's directions of risk.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy_parts.tables import Table

DATA_VARIABLE = "TIERWISE_DATA"
SBA = "sba"


@dataclass(frozen=True)
class Declaration:
    """What must be said of a flat file: which value of the label is bad, what is no indicator, and which
    numbers are names of levels (texts always are)."""

    file: str
    label: str
    bad: object
    dropped: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


DECLARATIONS = {
    "gmsc": Declaration("gmsc/creditscoring1.csv.gz", "SeriousDlqin2yrs", 1, dropped=("id",)),
    "taiwan_card": Declaration(
        "taiwan_card/default_of_credit_card_payments.csv",
        "default.payment.next.month",
        1,
        dropped=("ID",),
        categories=("SEX", "EDUCATION", "MARRIAGE"),
    ),
    "polish_bankruptcy": Declaration("polish_bankruptcy/1year.parquet", "class", 1),
    "german": Declaration("german/germancredit.csv", "creditability", "bad"),
}
NAMES = (SBA, *DECLARATIONS)


class Absent(FileNotFoundError):
    """A data set is not where it is looked for; one line that says where."""


def load(name: str) -> Table:
    """Return a data set.

    Raises:
        Absent: its file is not there.
        KeyError: there is no such data set.
    """
    return _sba() if name == SBA else _flat(name, DECLARATIONS[name])


def _flat(name: str, declared: Declaration) -> Table:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    path = Path(os.environ.get(DATA_VARIABLE, default)) / declared.file
    if not path.is_file():
        raise Absent(f"{name}: {declared.file} is absent; set {DATA_VARIABLE} to the folder that holds it")
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    bad = (frame[declared.label] == declared.bad).to_numpy(dtype=np.bool_)
    frame = frame.drop(columns=[declared.label, *declared.dropped])
    features = tuple(str(column) for column in frame.columns)
    texts = [not pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns]
    categories = tuple(i for i, feature in enumerate(features) if texts[i] or feature in declared.categories)
    for column, text in zip(frame.columns, texts, strict=True):
        if text:
            codes = pd.factorize(frame[column], sort=True)[0].astype(np.float64)
            frame[column] = np.where(codes < 0, np.nan, codes)
    matrix = np.ascontiguousarray(frame.to_numpy(dtype=np.float64))
    return Table(
        name=name,
        features=features,
        matrix=np.where(np.isinf(matrix), np.nan, matrix),
        bad=bad,
        # Identical customers may be one customer twice: they stay together.
        groups=np.asarray(frame.groupby(list(frame.columns), dropna=False).ngroup(), dtype=np.int64),
        categories=categories,
        directions=(0,) * len(features),
    )


def _sba() -> Table:
    from features.terms import Nature
    from models.artefact import catalog_features, category_codes
    from models.booster import Design
    from training.sample import build_sample

    sample = build_sample()
    portfolio = sample.data.portfolio
    catalog = portfolio.catalog
    features = catalog_features(catalog, tuple(n for n in Nature if np.any(portfolio.natures == n)))
    design = Design.from_catalog(catalog, features, category_codes(catalog, features))
    return Table(
        name=SBA,
        features=features,
        matrix=np.ascontiguousarray(portfolio.matrix(features)),
        bad=sample.data.bad,
        groups=sample.data.groups,
        categories=design.categories,
        directions=design.directions,
        days=sample.data.days,
        matured_on=sample.matured_on,
    )
