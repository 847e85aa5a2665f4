"""`tierwise reasons check` on a registered version: what it prints, records and refuses; and its sampling."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import tierwise
from features.customer import parse_customer
from features.portfolio import Portfolio
from models import registry
from serving.asking import NoAnswer, asking_at
from tests.checked import Version, tampered, version
from tests.mlflow_store import migrated_store, state
from tests.strategies import random_portfolio
from training.frames import to_frame
from training.independent.asking import Ask
from training.raw_customers import draw_customers, drawn_from, raw_customers

__all__ = ["migrated_store", "state"]


@pytest.fixture(scope="module")
def found() -> Version:
    return version()


@pytest.fixture(scope="module")
def table(found: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    customers = [parse_customer(raw, found.catalog) for raw in found.customers]
    path = tmp_path_factory.mktemp("table") / "customers.csv"
    frame = to_frame(Portfolio.from_customers(customers, found.catalog))
    frame.loc[3, "nature"] = "nobody"
    frame.to_csv(path, index=False)
    return path


def register(found: Version, state: Path) -> str:
    """Register a version as a training leaves it."""
    client, documents = registry.connect(state), found.documents()
    experiment = client.create_experiment("synthetic", f"{registry.artefact_uri(state)}/synthetic")
    run_id = client.create_run(experiment).info.run_id
    for path, data in (
        (registry.RUN_CATALOG_PATH, documents.catalog),
        (registry.RUN_POLICY_PATH, documents.policy),
    ):
        client.log_text(run_id, data.decode(), path)
    for number, text in enumerate(documents.boosters):
        client.log_text(run_id, text, registry.booster_path(number))
    logged = client.create_logged_model(experiment, "synthetic", run_id)
    (state / "outbox" / "artifacts").mkdir(parents=True)
    (state / "outbox" / registry.ARTEFACT_PATH).write_bytes(documents.artefact)
    client.log_model_artifacts(logged.model_id, str(state / "outbox"))
    client.finalize_logged_model(logged.model_id, "READY")
    hash_ = sha256(documents.artefact).hexdigest()
    given = registry.register(logged.model_id, "synthetic", hash_, state=state)
    registry.set_alias("synthetic", given, registry.CANDIDATE, state=state)
    return given


@contextmanager
def service(ask: Ask) -> Iterator[tuple[str, list[str | None]]]:
    """Answer over HTTP as a service would; yields the address and the callers' Authorization headers."""
    callers: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/score"
            callers.append(self.headers["Authorization"])
            status, body = ask(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", callers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def call(*arguments: object) -> Any:
    return CliRunner().invoke(tierwise.app, ["reasons", "check", *map(str, arguments)])


def test_a_version_is_checked_and_the_review_kept_with_it(
    found: Version, table: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    given = register(found, state)
    written = tmp_path / "reasons.json"
    asked = ("--model", f"synthetic/{given}", "--data", table, "--sample-size", 24, "--state", state)
    result = call(*asked, "--json", written)
    assert result.exit_code == 0, result.output
    assert "24 of 59 customers drawn, 1 kept apart." in result.stdout
    assert "Too few for a promotion, which needs 50 customers" in result.stdout.splitlines()[-1]
    assert "Verdict: passed." in result.stdout and "Direct perturbation" in result.stdout
    review = registry.recorded_review("synthetic", given, "reasons", state=state)
    assert review is not None and review.verdict == "passed"
    assert review.document == written.read_bytes()
    document = json.loads(review.document)
    assert document["subject"]["model_version"] == f"synthetic/{given}"
    assert document["subject"]["artefact_sha256"] == sha256(found.documents().artefact).hexdigest()

    # A running service that serves another version is caught, and told with exit code 1.
    monkeypatch.setenv("TIERWISE_API_KEY", "k")
    with service(tampered(found.ask(), lambda a: a.update(model_version="synthetic/6"))) as (url, callers):
        result = call(*asked, "--url", url, "--record")
    assert result.exit_code == 1, result.output
    assert "Verdict: failed (identity)." in result.stdout
    assert set(callers) == {"Bearer k"}
    review = registry.recorded_review("synthetic", given, "reasons", state=state)
    assert review is not None and review.verdict == "failed"


def test_boosters_and_documents_of_a_version_come_back_in_order(found: Version, state: Path) -> None:
    given, documents = register(found, state), found.documents()
    read = registry.load_documents(f"synthetic/{given}", state)
    assert (read.version, read.artefact) == (given, documents.artefact)
    assert (read.catalog, read.policy) == (documents.catalog, documents.policy)
    assert registry.load_boosters("synthetic", given, state=state) == documents.boosters
    with pytest.raises(registry.RegistryError, match="synthetic/9"):
        registry.load_documents("synthetic/9", state)
    with pytest.raises(registry.RegistryError, match="synthetic/9: the boosters of its run"):
        registry.load_boosters("synthetic", "9", state=state)


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    for arguments, reason in (
        (("--model", "sba/3", "--state", tmp_path / "none"), "sba/3: none is registered"),
        (("--model", "sba", "--state", tmp_path / "none"), "sba: none is registered"),
        (("--model", "Sba", "--state", tmp_path / "none"), "give NAME"),
    ):
        error = call(*arguments).exception
        assert type(error).__name__ in tierwise.EXPECTED.values()
        assert reason in str(error) and "\n" not in str(error)
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_does_not_answer_is_one_line() -> None:
    with service(lambda _: (200, b"{}")) as (url, _):
        pass
    with pytest.raises(NoAnswer, match=r"no service answers .*start `tierwise serve`"):
        asking_at(url)(b"{}")


# Drawing customers


def test_customers_are_sent_as_they_were_given(found: Version) -> None:
    portfolio = random_portfolio(found.catalog, 50, seed=2)
    back = Portfolio.from_customers(
        [parse_customer(json.loads(json.dumps(raw)), found.catalog) for raw in raw_customers(portfolio)],
        found.catalog,
    )
    np.testing.assert_array_equal(back.given, portfolio.given)
    assert list(back.customer_ids) == list(portfolio.customer_ids)
    assert back.levels["region"].tolist() == portfolio.levels["region"].tolist()


def test_so_many_are_drawn_of_a_table_of_many_chunks_each_once(
    found: Version, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw_customers(table, found.catalog, 100)
    assert (len(whole.customers), whole.of, whole.rejected) == (59, 59, 1)
    monkeypatch.setattr("features.sources.customer_table.CHUNK_ROWS", 7)
    drawn = draw_customers(table, found.catalog, 20)
    ids = [raw["customer_id"] for raw in drawn.customers]
    assert len(set(ids)) == 20 and (drawn.of, drawn.rejected) == (59, 1)
    everybody = [raw["customer_id"] for raw in whole.customers]
    assert ids == [id_ for id_ in everybody if id_ in ids] and ids != everybody[:20]


def test_of_a_smaller_portfolio_all_are_drawn(found: Version) -> None:
    drawn = drawn_from(random_portfolio(found.catalog, 5, seed=1), 9)
    assert [raw["customer_id"] for raw in drawn.customers] == [f"C-{i}" for i in range(5)]
