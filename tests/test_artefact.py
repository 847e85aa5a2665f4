"""The artefact comes back to the last bit, and whatever was changed in it is refused before it is read."""

import copy
import dataclasses
import hashlib
import json
import math
import random
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import load_catalog
from features.terms import Nature
from models.artefact import MOST_BYTES, MOST_KEYS, ArtefactError, Model, verified_body
from models.decision import Scorer
from models.packing import MOST_CELLS
from models.points import Axis, PointsTables, Table
from models.policy import load_policy
from tests.strategies import random_model, random_portfolio

ROOT = Path(__file__).parents[1]
CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
MODEL = random_model(CATALOG, POLICY, (Nature.ENTERPRISE,), seed=5)
DATA = MODEL.to_bytes()
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNED = MODEL.to_bytes(KEY)
CONTENT = json.loads(verified_body(DATA))


@given(seed=st.integers(0, 10**6), size=st.sampled_from([1e-300, 0.3, 1e300]))
@settings(max_examples=15)
def test_a_model_comes_back_to_the_last_bit(seed: int, size: float) -> None:
    model = random_model(CATALOG, POLICY, (Nature.ENTERPRISE, Nature.INDIVIDUAL), seed, size)
    data = model.to_bytes()
    again = Model.from_bytes(data)
    assert again.to_bytes() == data
    assert again.tables.axes == model.tables.axes
    assert (again.tables.base, again.calibration, again.natures) == (
        model.tables.base,
        model.calibration,
        model.natures,
    )
    assert again.training == model.training
    assert again.scale == model.scale
    for part, was in ((again.prior, model.prior), (again.correction, model.correction)):
        for table, other in zip(part.tables, was.tables, strict=True):
            assert table.contributions.tobytes() == other.contributions.tobytes()


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e300, min_value=-1e300), min_size=3)
)
@settings(max_examples=100)
def test_every_float_comes_back_to_the_last_bit(numbers: list[float]) -> None:
    thresholds = tuple(sorted({x + 0.0 for x in numbers}))
    axis = Axis(0, thresholds=thresholds)
    cells = np.resize(np.array([*numbers, -0.0, 5e-324]), (1, axis.cells))
    prior = dataclasses.replace(MODEL.prior, base=numbers[0], tables=(Table((axis,), cells),))
    again = Model.from_bytes(dataclasses.replace(MODEL, prior=prior).to_bytes()).prior
    assert again.base == numbers[0]
    assert again.tables[0].axes == (axis,)
    assert again.tables[0].contributions.tobytes() == cells.tobytes()


def test_a_model_decides_the_same_after_coming_back() -> None:
    portfolio = random_portfolio(CATALOG, 300, seed=1)
    first = Scorer(CATALOG, POLICY, MODEL).decide(portfolio)
    again = Scorer(CATALOG, POLICY, Model.from_bytes(DATA)).decide(portfolio)
    assert np.array_equal(first.contributions, again.contributions)
    assert np.array_equal(first.score, again.score)


# Changed bytes


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def another_digit(data: bytes, rng: random.Random) -> bytes:
    place = rng.choice([i for i in range(len(data)) if chr(data[i]) in string.digits])
    digit = rng.choice([d for d in string.digits if d != chr(data[place])])
    return data[:place] + digit.encode() + data[place + 1 :]


def inserted(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.randint(1, 9)) + data[place:]


def removed(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + data[place + rng.randint(1, 9) :]


def repeated(data: bytes, rng: random.Random) -> bytes:
    place, length = rng.randrange(len(data) - 20), rng.randint(1, 20)
    return data[:place] + data[place : place + length] * 2 + data[place + length :]


@pytest.mark.parametrize("signer", [None, KEY], ids=["unsigned", "signed"])
@pytest.mark.parametrize("change", [cut, flipped, another_digit, inserted, removed, repeated])
def test_of_200_changed_documents_each_is_refused(
    change: Callable[[bytes, random.Random], bytes], signer: Ed25519PrivateKey | None
) -> None:
    rng = random.Random(change.__name__)
    small = random_model(CATALOG, POLICY, (Nature.ENTERPRISE,), seed=6).to_bytes(signer)
    for number in range(200):
        # Half of the changes near the front, where hash and signature stand.
        front = 400 if number % 2 else len(small)
        changed = change(small[:front], rng) + small[front:]
        with pytest.raises(ArtefactError, match="refused"):
            Model.from_bytes(changed)


def test_each_bit_of_hash_and_signature_counts() -> None:
    head = SIGNED.index(b'"content":') + len(b'"content":')
    for place in range(head):
        for bit in range(8):
            changed = SIGNED[:place] + bytes([SIGNED[place] ^ 1 << bit]) + SIGNED[place + 1 :]
            with pytest.raises(ArtefactError, match="refused"):
                verified_body(changed)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"}", b'{"sha256":"', DATA + b"}", DATA[:-1] + b"]", DATA + b"\n", b" " + DATA, DATA * 2],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(ArtefactError):
        Model.from_bytes(data)


def test_a_document_of_more_than_20_mb_is_neither_read_nor_written() -> None:
    with pytest.raises(ArtefactError, match=r"refused: it has 20000001 bytes, at most 20000000 are read"):
        Model.from_bytes(b"x" * (MOST_BYTES + 1))
    axes = (Axis(0, tuple(map(float, range(900)))), Axis(1, tuple(map(float, range(900)))))
    cells = np.random.default_rng(0).normal(size=(2, 902, 902))
    prior = dataclasses.replace(MODEL.prior, tables=(Table(axes, cells),))
    with pytest.raises(ArtefactError, match=r"cannot be written: its document has \d+ bytes.*fewer bins"):
        dataclasses.replace(MODEL, prior=prior).to_bytes()


# Well hashed, but no model


def hashed(content: Any) -> bytes:
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    return b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'","content":' + body + b"}"


def test_the_content_as_it_is_is_accepted_when_hashed_anew() -> None:
    assert Model.from_bytes(hashed(CONTENT)).to_bytes() == DATA


def first_table(kind: str) -> int:
    """Return the place of the prior's first table over thresholds or over codes."""
    axes = [table["axes"][0] for table in CONTENT["prior"]["tables"]]
    return next(i for i, axis in enumerate(axes) if (axis["codes"] is None) == (kind == "thresholds"))


def of_order(order: int) -> int:
    """Return the place of the correction's first table of so many features."""
    return next(i for i, table in enumerate(CONTENT["correction"]["tables"]) if len(table["axes"]) == order)


NUMBER, CATEGORY = first_table("thresholds"), first_table("codes")
PAIR, TRIPLE = of_order(2), of_order(3)


def main(content: dict[str, Any], place: int = NUMBER) -> Any:
    return content["prior"]["tables"][place]


def pair(content: dict[str, Any]) -> Any:
    return content["correction"]["tables"][PAIR]


def triple(content: dict[str, Any]) -> Any:
    return content["correction"]["tables"][TRIPLE]


# What is changed, and what the refusal names.
MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a contribution too few": (lambda c: main(c)["contributions"][0].pop(), "one contribution for each cell"),
    "a contribution too many": (
        lambda c: main(c, CATEGORY)["contributions"][0].append(0.0), "one contribution for each cell",
    ),
    "no contributions": (lambda c: main(c).update(contributions=[]), "one contribution for each cell"),
    "a feature's row too few": (lambda c: pair(c)["contributions"].pop(), "for each of its axes"),
    "a feature's row too many": (lambda c: triple(c)["contributions"].append([]), "for each of its axes"),
    "a ragged row": (lambda c: pair(c)["contributions"][1].pop(), "one contribution for each cell"),
    "rows within rows": (
        lambda c: pair(c)["contributions"].__setitem__(0, [[0.0]]), "tables.*contributions.0.0: must be",
    ),
    "a feature out of range": (
        lambda c: main(c)["axes"][0].update(feature=len(c["features"])), "feature that is not named",
    ),
    "a triple's feature out of range": (
        lambda c: triple(c)["axes"][2].update(feature=10**9), "feature that is not named",
    ),
    "a negative feature": (lambda c: main(c)["axes"][0].update(feature=-1), "feature: .*at least 0"),
    "a pair of one feature": (
        lambda c: pair(c)["axes"][0].update(feature=pair(c)["axes"][1]["feature"]), "different and in order",
    ),
    "features out of order": (lambda c: triple(c)["axes"].reverse(), "different and in order|each cell"),
    "no axis": (lambda c: main(c).update(axes=[], contributions=[]), "axes: .*at least 1"),
    "four axes": (lambda c: triple(c)["axes"].append({"feature": 10**6}), "axes: .*at most 3"),
    "unsorted thresholds": (lambda c: main(c)["axes"][0]["thresholds"].reverse(), "rise strictly"),
    "thresholds twice": (
        lambda c: main(c)["axes"][0]["thresholds"].__setitem__(1, main(c)["axes"][0]["thresholds"][0]),
        "rise strictly",
    ),
    "thresholds and codes": (lambda c: main(c)["axes"][0].update(codes=3), "not both"),
    "no codes": (lambda c: main(c, CATEGORY)["axes"][0].update(codes=0), "codes: .*at least"),
    "more codes than cells": (lambda c: main(c, CATEGORY)["axes"][0].update(codes=10**15), "for each cell"),
    "a feature twice": (lambda c: c["features"].__setitem__(0, c["features"][1]), "feature is named twice"),
    "a slope of 0": (lambda c: c["calibration"].update(slope=0.0), "slope: .*more than"),
    "a falling slope": (lambda c: c["calibration"].update(slope=-1.0), "slope: .*more than"),
    "an endless margin": (lambda c: c["prior"].update(base=1.7e308), "no finite number"),
    "an endless slope": (lambda c: c["calibration"].update(slope=1.7e308), "no finite number"),
    "a text for a number": (lambda c: c["prior"].update(base="0.5"), "prior.base: .*number"),
    "a truth value for a number": (lambda c: c["prior"].update(base=True), "prior.base: .*number"),
    "no base": (lambda c: c["correction"].pop("base"), "correction.base: is absent"),
    "null for a base": (lambda c: c["prior"].update(base=None), "prior.base: .*number"),
    "no prior": (lambda c: c.pop("prior"), "prior: is absent"),
    "no correction": (lambda c: c.pop("correction"), "correction: is absent"),
    "no scale": (lambda c: c.pop("scale"), "scale: is absent"),
    "a scale of one anchor": (lambda c: c["scale"].update(points=[50.0], log_odds=[0.0]), "at least 2"),
    "a scale that lacks points": (lambda c: c["scale"]["points"].pop(), "one number of points"),
    "a scale that turns": (lambda c: c["scale"]["points"].reverse(), "fall strictly"),
    "a scale beyond 100": (lambda c: c["scale"]["points"].__setitem__(0, 100.0), "between 100 and 0"),
    "a scale out of order": (lambda c: c["scale"]["log_odds"].reverse(), "rise strictly"),
    "a scale without slope": (
        lambda c: c.update(scale={"log_odds": [0.0, 5e-324], "points": [60.0, 40.0]}), "too close together",
    ),
    "a scale too wide": (
        lambda c: c.update(scale={"log_odds": [-1e308, 1e308], "points": [60.0, 40.0]}), "too far apart",
    ),
    "an unknown key": (lambda c: c.update(extra=1), "extra: .*not known here"),
    "an unknown key of an axis": (lambda c: main(c)["axes"][0].update(extra=1), "extra: .*not known here"),
    "a key of two lines": (lambda c: c.update({"a\nb\rc\u2028d": 1}), "a b c d: .*not known here"),
    "an endless key": (lambda c: c.update({"k" * 10**6: 1}), "refused: k+…"),
    "an unknown nature": (lambda c: c.update(natures=["nobody"]), "natures.0: "),
    "no natures": (lambda c: c.update(natures=[]), "natures: .*at least 1"),
    "a nature twice": (lambda c: c.update(natures=c["natures"] * 2), "nature is named twice"),
    "another format": (lambda c: c.update(format="pickle"), "format: "),
    "no format": (lambda c: c.pop("format"), "format: is absent"),
    "no version": (lambda c: c.pop("format_version"), "format_version: is absent"),
    "a later version": (lambda c: c.update(format_version=3), "is 3, and .* reads 2 only: train again"),
    "nested training facts": (lambda c: c["training"].update(more={}), "training.more"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_well_hashed_but_malformed_content_is_refused(
    change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    content = copy.deepcopy(CONTENT)
    change(content)
    with pytest.raises(ArtefactError, match=reason) as caught:
        Model.from_bytes(hashed(content))
    assert str(caught.value).startswith("the artefact is refused: ")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


def test_a_document_of_the_first_format_is_refused_with_what_to_do() -> None:
    first = {
        "format": "tierwise-points", "format_version": 1, "base": 0.1, "mains": [], "pairs": [],
        **{key: CONTENT[key] for key in ("catalog_hash", "policy_hash", "natures", "features", "training")},
        "calibration": {"intercept": 0.0, "slope": 1.0},
    }  # fmt: skip
    with pytest.raises(
        ArtefactError, match="format_version: is 1, and this version reads 2 only: train again"
    ):
        Model.from_bytes(hashed(first))


# Each of at most 20 MB. "numbers" is an array of the right place, other arrays and objects are anywhere.
BOMBS: dict[str, Callable[[], str]] = {
    "arrays in arrays": lambda: "[" * (MOST_BYTES - 100),
    "objects in objects": lambda: '{"a":' * 3_900_000,
    "a number without end": lambda: '{"format_version":' + "1" * 19_000_000 + "}",
    "a fraction without end": lambda: json.dumps(CONTENT | {"prior": "@"}).replace(
        '"@"', '{"tables":[],"base":0.' + "1" * 10_000_000 + "e400}"
    ),
    "a million keys": lambda: "{" + ",".join(f'"{i}":1' for i in range(1_000_000)) + "}",
    "a million training facts": lambda: json.dumps(CONTENT | {"training": {str(i): 1 for i in range(10**6)}}),
    "as many wrong facts as may be": lambda: json.dumps(
        CONTENT | {"training": {str(i): [] for i in range(MOST_KEYS - 2_000)}}
    ),
    "a million features that are none": lambda: json.dumps(CONTENT | {"features": [0] * 10**6}),
    "a million natures": lambda: json.dumps(CONTENT | {"natures": [""] * 10**6}),
    "millions of wrong numbers": lambda: json.dumps(
        CONTENT | {"scale": {"log_odds": [None] * 3 * 10**6, "points": []}}
    ),
    "millions of wrong rows": lambda: json.dumps(
        CONTENT | {"prior": {"base": 0.0, "tables": [{"axes": [], "contributions": [0] * 6 * 10**6}]}}
    ),
    "millions of wrong tables": lambda: json.dumps(
        CONTENT | {"prior": {"base": 0.0, "tables": [0] * 6 * 10**6}}
    ),
    "millions of thresholds": lambda: json.dumps(
        CONTENT | {"prior": {"base": 0.0, "tables": [{"axes": [
            {"feature": 0, "thresholds": list(range(2 * 10**6))}], "contributions": [[]]}]}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_well_hashed_bomb_is_refused_within_seconds(bomb: Callable[[], str]) -> None:
    data = hashed(bomb())
    assert len(data) <= MOST_BYTES
    start = time.process_time()
    with pytest.raises(ArtefactError) as caught:
        Model.from_bytes(data)
    assert time.process_time() - start < 10
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "7",
        "{",
        '{"a":1',
        "[" * 10_000,
        '{"base":NaN}',
        "\ud83d".encode("utf-8", "surrogatepass").decode("latin1"),
    ],
)
def test_well_hashed_content_that_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(ArtefactError):
        Model.from_bytes(hashed(body))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    base = json.dumps(CONTENT["prior"]["base"])
    text = json.dumps(CONTENT).replace(f'"base": {base}', f'"base": {number}')
    assert number in text
    with pytest.raises(ArtefactError):
        Model.from_bytes(hashed(text))


# What is not written


def with_table(contributions: Any) -> Model:
    axes = (Axis(0, thresholds=(0.0,)), Axis(1, thresholds=(0.0, 1.0)))
    table = Table(axes, np.array(contributions))
    return dataclasses.replace(MODEL, prior=dataclasses.replace(MODEL.prior, tables=(table,)))


def test_a_model_that_could_not_be_read_is_not_written() -> None:
    with_table(np.zeros((2, 3, 4))).to_bytes()
    with pytest.raises(ArtefactError, match=r"features \(0, 1\) has contributions of shape \(2, 4, 3\)"):
        with_table(np.zeros((2, 4, 3))).to_bytes()
    for wrong in (math.nan, math.inf, 1e308):
        with pytest.raises(ArtefactError, match=r"cannot be written: .*finite"):
            with_table(np.full((2, 3, 4), wrong)).to_bytes()


def parted(*parts: range) -> Model:
    """Return a model of one feature with a table for each range of thresholds."""
    axes = [Axis(0, thresholds=tuple(map(float, part))) for part in parts]
    tables = tuple(Table((axis,), np.zeros((1, axis.cells))) for axis in axes)
    prior = dataclasses.replace(MODEL.prior, tables=tables)
    return dataclasses.replace(
        MODEL, prior=prior, correction=dataclasses.replace(MODEL.correction, tables=())
    )


def test_what_the_engine_cannot_hold_is_neither_written_nor_read() -> None:
    most = MOST_CELLS - 2
    largest = parted(range(most))
    assert len(Model.from_bytes(largest.to_bytes()).tables.axes[0].thresholds) == most
    assert largest.engine.explain_row([0.0] * len(MODEL.prior.features))[0] == largest.base_log_odds
    content = json.loads(verified_body(largest.to_bytes()))
    table = content["prior"]["tables"][0]
    table["axes"][0]["thresholds"].append(float(most))
    table["contributions"][0].append(0.0)
    with pytest.raises(ArtefactError, match=r"refused: .*more than 65,536 cells"):
        Model.from_bytes(hashed(content))
    # Of two tables of one feature, either being small enough, the engine makes one axis.
    for model in (parted(range(most + 1)), parted(range(40_000), range(30_000, most + 1))):
        with pytest.raises(ArtefactError, match=r"cannot be written: .*more than 65,536 cells"):
            model.to_bytes()
    parted(range(40_000), range(30_000, most)).to_bytes()


def test_a_model_of_more_keys_than_are_read_is_not_written() -> None:
    with pytest.raises(ArtefactError, match=r"cannot be written: .*more than 50000 keys"):
        dataclasses.replace(MODEL, training={str(i): 1 for i in range(MOST_KEYS)}).to_bytes()


def test_a_signature_does_not_change_the_hash_of_the_content() -> None:
    for data in (DATA, SIGNED):
        assert json.loads(data)["sha256"] == Model.from_bytes(data).content_hash


def test_prior_and_correction_are_over_the_same_features() -> None:
    other = PointsTables(MODEL.prior.features[::-1], 0.0, ())
    with pytest.raises(ArtefactError, match="same features, in the same order"):
        dataclasses.replace(MODEL, correction=other)


# What loading needs


def test_loading_and_deciding_needs_no_lightgbm_mlflow_or_pickle(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(DATA)
    script = """
import sys
def stop(event, arguments):
    if event == "pickle.find_class":
        raise SystemExit("unpickled something")
sys.addaudithook(stop)
from pathlib import Path
from features.catalog import load_catalog
from features.customer import parse_customer
from features.portfolio import Portfolio
from models.artefact import Model
from models.answer import answer
from models.decision import Scorer
from models.packing import MOST_CELLS
from models.policy import load_policy
catalog = load_catalog("customer")
scorer = Scorer(catalog, load_policy("customer"), Model.from_bytes(Path(sys.argv[1]).read_bytes()))
raw = {"customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31", "indicators": {}}
decisions = scorer.decide(Portfolio.from_customers([parse_customer(raw, catalog)], catalog))
assert answer(decisions, 0)["model"] is not None
unwanted = {"lightgbm", "mlflow", "bentoml", "shap", "sklearn", "cryptography"}
loaded = {name.split(".")[0] for name in sys.modules} & unwanted
sys.exit(f"loaded {loaded}" if loaded else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
