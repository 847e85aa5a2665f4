"""The artefact comes back to the last bit, and whatever was changed in it is refused before it is read."""

import copy
import hashlib
import json
import random
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import load_catalog
from features.terms import Nature
from models.artefact import ArtefactError, Model, verified_body
from models.decision import Scorer
from models.policy import load_policy
from tests.strategies import random_model, random_portfolio

ROOT = Path(__file__).parents[1]
CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
MODEL = random_model(CATALOG, POLICY, (Nature.ENTERPRISE,), seed=5)
DATA = MODEL.to_bytes()
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
    for one, other in zip(again.tables.mains, model.tables.mains, strict=True):
        assert one.contributions.tobytes() == other.contributions.tobytes()
    for pair, was in zip(again.tables.pairs, model.tables.pairs, strict=True):
        assert pair.first_contributions.tobytes() == was.first_contributions.tobytes()
        assert pair.second_contributions.tobytes() == was.second_contributions.tobytes()


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


@pytest.mark.parametrize("change", [cut, flipped, another_digit, inserted, removed, repeated])
def test_of_200_changed_documents_each_is_refused(change: Callable[[bytes, random.Random], bytes]) -> None:
    rng = random.Random(change.__name__)
    small = random_model(CATALOG, POLICY, (Nature.ENTERPRISE,), seed=6).to_bytes()
    for _ in range(200):
        changed = change(small, rng)
        with pytest.raises(ArtefactError, match="refused"):
            Model.from_bytes(changed)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"}", b'{"sha256":"', DATA + b"}", DATA[:-1] + b"]", DATA + b"\n", b" " + DATA, DATA * 2],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(ArtefactError):
        Model.from_bytes(data)


# Well hashed, but no model


def hashed(content: Any) -> bytes:
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    return b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'","content":' + body + b"}"


def test_the_content_as_it_is_is_accepted_when_hashed_anew() -> None:
    assert Model.from_bytes(hashed(CONTENT)).to_bytes() == DATA


def numbered(kind: str) -> int:
    """Return the place of the first main table over thresholds or over codes."""
    axes = [main["axis"] for main in CONTENT["mains"]]
    return next(i for i, axis in enumerate(axes) if (axis["codes"] is None) == (kind == "thresholds"))


NUMBER, CATEGORY = numbered("thresholds"), numbered("codes")

MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a contribution too few": lambda c: c["mains"][NUMBER]["contributions"].pop(),
    "a contribution too many": lambda c: c["mains"][CATEGORY]["contributions"].append(0.0),
    "no contributions": lambda c: c["mains"][0].update(contributions=[]),
    "a row too few": lambda c: c["pairs"][0]["first_contributions"].pop(),
    "a ragged row": lambda c: c["pairs"][0]["second_contributions"][0].pop(),
    "a feature out of range": lambda c: c["mains"][0]["axis"].update(feature=len(c["features"])),
    "a pair's feature out of range": lambda c: c["pairs"][0]["second"].update(feature=10**9),
    "a negative feature": lambda c: c["mains"][0]["axis"].update(feature=-1),
    "a pair of one feature": lambda c: c["pairs"][0]["first"].update(
        feature=c["pairs"][0]["second"]["feature"]
    ),
    "unsorted thresholds": lambda c: c["mains"][NUMBER]["axis"]["thresholds"].reverse(),
    "thresholds twice": lambda c: c["mains"][NUMBER]["axis"]["thresholds"].__setitem__(
        1, c["mains"][NUMBER]["axis"]["thresholds"][0]
    ),
    "thresholds and codes": lambda c: c["mains"][NUMBER]["axis"].update(codes=3),
    "no codes": lambda c: c["mains"][CATEGORY]["axis"].update(codes=0),
    "a feature twice": lambda c: c["features"].__setitem__(0, c["features"][1]),
    "a slope of 0": lambda c: c["calibration"].update(slope=0.0),
    "a falling slope": lambda c: c["calibration"].update(slope=-1.0),
    "a text for a number": lambda c: c.update(base="0.5"),
    "a truth value for a number": lambda c: c.update(base=True),
    "no base": lambda c: c.pop("base"),
    "null for a base": lambda c: c.update(base=None),
    "an unknown key": lambda c: c.update(extra=1),
    "an unknown nature": lambda c: c.update(natures=["nobody"]),
    "no natures": lambda c: c.update(natures=[]),
    "another format": lambda c: c.update(format="pickle"),
    "a later version": lambda c: c.update(format_version=2),
    "nested training facts": lambda c: c["training"].update(more={}),
}  # fmt: skip


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_well_hashed_but_malformed_content_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    content = copy.deepcopy(CONTENT)
    change(content)
    with pytest.raises(ArtefactError) as caught:
        Model.from_bytes(hashed(content))
    assert "\n" not in str(caught.value)


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
    text = json.dumps(CONTENT).replace(json.dumps(CONTENT["base"]), number, 1)
    with pytest.raises(ArtefactError):
        Model.from_bytes(hashed(text))


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
from models.policy import load_policy
catalog = load_catalog("customer")
scorer = Scorer(catalog, load_policy("customer"), Model.from_bytes(Path(sys.argv[1]).read_bytes()))
raw = {"customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31", "indicators": {}}
decisions = scorer.decide(Portfolio.from_customers([parse_customer(raw, catalog)], catalog))
assert answer(decisions, 0)["model"] is not None
loaded = {name.split(".")[0] for name in sys.modules} & {"lightgbm", "mlflow", "bentoml", "shap", "sklearn"}
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
