"""MLflow's aliases follow what the store has adopted, and whatever is changed beside it is found."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from typer.testing import CliRunner

import tierwise
from features.catalog import Catalog
from features.terminal import BadInput
from models import registry
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy
from serving.governing import adopted_instead, governing_procedure
from serving.launch import tell_adopted
from serving.operating import load_operations
from serving.operations import ROUTES
from serving.procedure import Procedure
from serving.promotion.aliases import MOVED, NotVouchedFor, follow
from serving.promotion.cross_check import differences
from serving.promotion.rules import PromotionRules
from serving.reviews.adoptions import ServedSet, insert_adoption
from serving.reviews.cases import Case, CaseKind, CaseState, NoFindings, load_case
from serving.reviews.subjects import GovernanceDesk
from serving.served import Served, load_served
from serving.settings import Settings
from serving.store.store import Store, create_store, open_store
from serving.store.supervision_tables import adoptions
from serving.store.tables import ADOPTED, audit_entries
from tests.mlflow_store import migrated_store
from tests.promoted import approve, battery_of, bytes_of, promote, recalibrated, register, reviewed
from tests.reviewed import acting
from tests.served_model import catalog, model, policy
from tests.stores import ACTOR, database_url, store

__all__ = ["catalog", "database_url", "migrated_store", "model", "policy", "store"]

NAME = "customer"


@dataclass(frozen=True)
class Site:
    """A state directory with two registered versions, the second the candidate."""

    state: Path
    versions: dict[str, Served]

    def file(self, version: str, name: str) -> Path:
        """Return a file of a version, by its name."""
        client = registry.connect(self.state)
        found = client.get_model_version(NAME, version)
        run = client.get_run(found.run_id or "").info.artifact_uri or ""
        places = [run, client.get_model_version_download_uri(NAME, version)]
        (path,) = (file for of in places for file in Path(of.removeprefix("file://")).rglob(name))
        return path

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias as anybody may who can reach MLflow's store."""
        registry.connect(self.state).set_registered_model_alias(NAME, alias, version)

    @property
    def aliases(self) -> dict[str, str]:
        return registry.aliases(NAME, self.state)


@pytest.fixture(scope="module")
def site(
    migrated_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
    catalog: Catalog,
    policy: Policy,
    model: Model,
) -> Site:
    state = tmp_path_factory.mktemp("site") / "state"
    shutil.copytree(migrated_store, state)
    first = Served(Scorer(catalog, policy, model), f"{NAME}/1")
    versions = {"1": first, "2": recalibrated(first, f"{NAME}/2")}
    assert [register(state, served) for served in versions.values()] == ["1", "2"]
    return Site(state, versions)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Store]:
    """Return a fresh store, where it does not matter in which database it is."""
    made = create_store(None, tmp_path / "embedded", ACTOR)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def fresh(site: Site) -> None:
    """Leave no alias of another test."""
    for alias in set(site.aliases) - {registry.CANDIDATE}:
        registry.remove_alias(NAME, alias, site.state)


def adopted(store: Store, site: Site, version: str, kind: CaseKind = CaseKind.MODEL) -> Case:
    return approve(store, promote(store, site.versions[version], kind), "bob", "carl")


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    kept = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(kept)


def test_aliases_follow_what_is_adopted_and_each_move_is_in_the_trail(store: Store, site: Site) -> None:
    assert follow(store, "ann", site.state) == []
    adopted(store, site, "1")
    adopted(store, site, "2", CaseKind.CHALLENGER)
    assert len(follow(store, "ann", site.state)) == 2
    assert site.aliases == {"candidate": "2", "champion": "1", "challenger": "2"}
    assert differences(store, site.state) == []
    adopted(store, site, "2")
    follow(store, "ann", site.state)
    assert site.aliases == {"candidate": "2", "champion": "2"}
    assert (follow(store, "ann", site.state), differences(store, site.state)) == ([], [])
    with store.reading() as connection:
        entries = connection.execute(
            select(audit_entries.c.subject, audit_entries.c.facts)
            .where(audit_entries.c.action == MOVED)
            .order_by(audit_entries.c.sequence)
        ).all()
    assert [(of.subject, json.loads(of.facts)) for of in entries] == [
        (NAME, {"alias": alias, "before": before, "after": after})
        for alias, before, after in (
            ("challenger", None, "2"), ("champion", None, "1"), ("challenger", "2", None),
            ("champion", "1", "2"),
        )
    ]  # fmt: skip


def test_an_alias_that_was_moved_outside_is_found_and_repaired(store: Store, site: Site) -> None:
    adopted(store, site, "1")
    follow(store, "ann", site.state)
    site.set_alias("champion", "2")
    site.set_alias("challenger", "2")
    assert differences(store, site.state) == [
        "customer@challenger points at customer/2, and what was adopted is no version",
        "customer@champion points at customer/2, and what was adopted is customer/1",
    ]
    assert len(follow(store, "ann", site.state)) == 2
    assert (site.aliases, differences(store, site.state)) == ({"candidate": "2", "champion": "1"}, [])


def test_a_champion_of_a_store_that_adopted_none_is_found(embedded: Store, site: Site) -> None:
    site.set_alias("champion", "1")
    assert differences(embedded, site.state) == [
        "customer@champion was set, and no version of customer was ever adopted"
    ]
    assert differences(embedded, site.state, ["sba"]) == []
    assert follow(embedded, "ann", site.state) == []


def moves_in_trail(store: Store) -> list[str]:
    with store.reading() as connection:
        entries = select(audit_entries.c.facts).where(audit_entries.c.action == MOVED)
        facts = connection.execute(entries.order_by(audit_entries.c.sequence)).scalars()
        return [json.loads(of)["alias"] for of in facts]


def test_no_alias_moves_by_an_adoption_that_the_trail_does_not_know(embedded: Store, site: Site) -> None:
    first = adopted(embedded, site, "1")
    second = adopted(embedded, site, "2", CaseKind.CHALLENGER)
    follow(embedded, "ann", site.state)
    assert second.subject is not None
    # As whoever holds the database alone may.
    with embedded.writing("eve") as writing:
        insert_adoption(writing, CaseKind.MODEL, second.subject, first.id)
        writing.record("nothing.said", None, {})
    site.set_alias("challenger", "1")
    before = site.aliases
    with pytest.raises(NotVouchedFor, match="vouches for: adoptions of kind model") as caught:
        follow(embedded, "ann", site.state)
    assert "\n" not in str(caught.value)
    assert (site.aliases, moves_in_trail(embedded)) == (before, ["challenger", "champion"])


def test_no_alias_moves_by_an_adoption_that_was_put_off(embedded: Store, site: Site) -> None:
    adopted(embedded, site, "1")
    follow(embedded, "ann", site.state)
    with embedded.writing("eve") as writing:
        later = writing.at.replace(year=writing.at.year + 100, month=1, day=1)
        writing.connection.execute(text("DROP TRIGGER keep_adoptions_update"))
        writing.connection.execute(update(adoptions).values(valid_from=later))
        writing.record("nothing.said", None, {})
    with pytest.raises(NotVouchedFor):
        follow(embedded, "ann", site.state)
    assert site.aliases["champion"] == "1"


def test_where_a_move_fails_those_before_it_are_recorded(
    embedded: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted(embedded, site, "1")
    adopted(embedded, site, "2", CaseKind.CHALLENGER)
    set_alias = registry.set_alias

    def out_of_reach(name: str, version: str, alias: str, state: Path | None = None) -> None:
        if alias == registry.CHAMPION:
            raise registry.RegistryError("the registry is gone")
        set_alias(name, version, alias, state)

    with monkeypatch.context() as patched, pytest.raises(registry.RegistryError):
        patched.setattr(registry, "set_alias", out_of_reach)
        follow(embedded, "ann", site.state)
    assert (site.aliases.get("challenger"), moves_in_trail(embedded)) == ("2", ["challenger"])
    assert [move.alias.alias for move in follow(embedded, "ann", site.state)] == ["champion"]
    assert moves_in_trail(embedded) == ["challenger", "champion"]


CHANGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "artefact": (
        "points.json", lambda of: of.replace(b"0.9", b"0.8", 1), "its artefact is not the one registered",
    ),
    "catalog": (
        "catalog.json", lambda of: of.replace(b'"version":1', b'"version":9', 1),
        "the catalog of its run is not the one that was adopted",
    ),
    "policy": ("policy.json", lambda of: b"{}", "the policy of its run is not the one that was adopted"),
    "battery": (
        "battery.json", lambda of: of.replace(b"passed", b"failed", 1),
        "its battery review is not the one recorded",
    ),
    "reasons": ("reasons.json", lambda of: of + b" ", "its reasons review is not the one recorded"),
}  # fmt: skip


@pytest.fixture(scope="module")
def governed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store that has adopted the first version."""
    made = create_store(None, tmp_path_factory.mktemp("governed") / "store", ACTOR)
    adopted(made, site, "1")
    yield made
    made.close()


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_that_was_changed_is_found(governed: Store, site: Site, what: str) -> None:
    follow(governed, "ann", site.state)
    assert differences(governed, site.state) == []
    name, change, told = CHANGES[what]
    path = site.file("1", name)
    with changed(path, change(path.read_bytes())):
        (line,) = differences(governed, site.state)
    assert told in line and line.startswith("model customer/1: ") and "\n" not in line


def test_an_artefact_adopted_before_there_were_promotions_is_compared_too(
    embedded: Store, site: Site
) -> None:
    desk = GovernanceDesk(embedded, Procedure())

    def adopted_once(served: Served) -> None:
        old = ServedSet.of(served)
        with embedded.writing("ann") as writing:
            desk.keep_set(writing, served, old)
            insert_adoption(writing, CaseKind.MODEL, old.hash, case.id)
            writing.record(ADOPTED, case.id, {"kind": str(CaseKind.MODEL), "hash": old.hash})

    case = promote(embedded, site.versions["1"])
    adopted_once(site.versions["1"])
    follow(embedded, "ann", site.state)
    assert differences(embedded, site.state) == []
    # What the registry calls the first version is another model since.
    adopted_once(Served(site.versions["2"].scorer, f"{NAME}/1"))
    assert differences(embedded, site.state) == [
        "model customer/1: its artefact is not the one that was adopted"
    ]


def test_a_changed_copy_of_an_artefact_in_its_run_is_found(governed: Store, site: Site) -> None:
    follow(governed, "ann", site.state)
    client = registry.connect(site.state)
    run = client.get_model_version(NAME, "1").run_id or ""
    client.log_text(run, bytes_of(site.versions["1"]).decode(), registry.RUN_POINTS_PATH)
    assert differences(governed, site.state) == []
    client.log_text(run, bytes_of(site.versions["1"]).decode() + "\n", registry.RUN_POINTS_PATH)
    assert differences(governed, site.state) == [
        "model customer/1: the copy of its artefact in its run is not the one registered"
    ]
    client.log_text(run, bytes_of(site.versions["1"]).decode(), registry.RUN_POINTS_PATH)


def test_a_review_exchanged_with_its_hash_is_found_unless_it_is_proposed(governed: Store, site: Site) -> None:
    follow(governed, "ann", site.state)
    again = battery_of(site.versions["1"])
    again["subject"]["customers"] = 4321
    before = registry.recorded_review(NAME, "1", registry.BATTERY, site.state)
    assert before is not None

    def record(document: bytes) -> None:
        registry.record_review(NAME, "1", registry.BATTERY, document, "passed", site.state)

    record(json.dumps(again).encode())
    try:
        assert differences(governed, site.state) == [
            "model customer/1: its battery review is not the one that its approvers were shown"
        ]
    finally:
        record(before.document)
    assert differences(governed, site.state) == []


def test_a_challenger_may_be_judged_again_before_it_is_proposed_as_champion(
    embedded: Store, site: Site
) -> None:
    adopted(embedded, site, "1")
    adopted(embedded, site, "2", CaseKind.CHALLENGER)
    follow(embedded, "ann", site.state)
    before = registry.recorded_review(NAME, "2", registry.BATTERY, site.state)
    assert before is not None
    again = battery_of(site.versions["2"])
    again["subject"]["customers"] = 999
    document = json.dumps(again).encode()
    registry.record_review(NAME, "2", registry.BATTERY, document, "passed", site.state)
    try:
        assert len(differences(embedded, site.state)) == 1
        promote(embedded, reviewed(site.versions["2"], again))
        assert differences(embedded, site.state) == []
    finally:
        registry.record_review(NAME, "2", registry.BATTERY, before.document, "passed", site.state)


# The commands


@pytest.fixture
def folder(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an embedded store that the commands find, and the state with it."""
    made = tmp_path / "store"
    create_store(None, made, ACTOR).close()
    monkeypatch.setenv("TIERWISE_KEYS", str(made))
    monkeypatch.setenv("TIERWISE_STATE", str(site.state))
    for name in ("STORE", "MODEL", "CATALOG", "POLICY", "ARTEFACT", "PROCEDURE", "TRUSTED_KEYS"):
        monkeypatch.delenv(f"TIERWISE_{name}", raising=False)
    return made


def command(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(tierwise.app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def approved_by_bob(folder: Path, said: str) -> str:
    """Have another person approve the case that a command tells of, and return its id."""
    case_id = said.split("Case ")[1].split(":")[0]
    opened = open_store(None, folder)
    with opened.reading() as connection:
        case = load_case(connection, case_id)
    assert approve(opened, case, "bob").state is CaseState.PROPOSED
    opened.close()
    return case_id


def proposed_by_ann(folder: Path, site: Site, version: str, kind: CaseKind = CaseKind.MODEL) -> str:
    opened = open_store(None, folder)
    case = approve(opened, promote(opened, site.versions[version], kind), "bob")
    opened.close()
    return case.id


def test_from_promote_to_rollback_on_the_command_line(folder: Path, site: Site) -> None:
    said = command("promote", NAME, "--to", "champion", "--version", "1", "--because", "the first")
    assert "needs 2 approvals of others before customer/1 is the champion" in said
    approved_by_bob(folder, said)
    case = said.split()[1].rstrip(":")
    reviews = folder / "made" / "reviews"
    shown = command("case", "show", case, "--reviews", str(reviews))
    written = json.loads((reviews / "battery.json").read_text(encoding="utf-8"))
    assert written == battery_of(site.versions["1"])
    assert (reviews / "reasons.json").is_file()
    (folder / "taken").touch()
    told = CliRunner().invoke(tierwise.app, ["case", "show", case, "--reviews", str(folder / "taken")])
    assert isinstance(told.exception, BadInput) and "cannot be made" in str(told.exception)
    assert told.stdout == "".join(line for line in shown.splitlines(True) if "Written to" not in line)
    assert "Battery: passed (7 passed, 0 failed) on 1234 customers, 56 bad" in shown
    assert "Reasons: passed on 200 customers and 100 variants, 200 of them with a model" in shown
    assert "Version 1 approved by bob" in shown
    opened = open_store(None, folder)
    with opened.reading() as connection:
        waiting = load_case(connection, case)
    approve(opened, waiting, "carl")
    opened.close()
    # Adopted by somebody who could not reach the registry.
    assert "customer@champion points at no version" in command("audit", "aliases", code=1)
    assert "customer@champion points at customer/1 now." in command("audit", "aliases", "--repair")
    challenging = proposed_by_ann(folder, site, "2", CaseKind.CHALLENGER)
    for said_nothing in ((), ("--findings", "")):
        with pytest.raises(NoFindings, match="say what you found: --findings"):
            command("case", "approve", challenging, "--version", "1", *said_nothing)
    approved = command(
        "case", "approve", challenging, "--version", "1",
        "--findings", "ranks as well", "--conditions", "shadow it for a month",
    )  # fmt: skip
    assert "customer@challenger points at customer/2 now." in approved
    assert site.aliases == {"candidate": "2", "challenger": "2", "champion": "1"}
    adopted_now = command("adopt", "show")
    assert "challenger, a condition of" in adopted_now and "shadow it for a month" in adopted_now
    assert "findings: ranks as well" in command("case", "show", challenging)
    second = proposed_by_ann(folder, site, "2")
    assert "customer@champion points at customer/2 now." in command(
        "case", "approve", second, "--version", "1", "--findings", "holds"
    )
    assert site.aliases == {"candidate": "2", "champion": "2"}
    # It is one that nobody has promoted no longer.
    assert not load_served(Settings(model=f"{NAME}@candidate", state=site.state)).is_candidate
    back = command("rollback", NAME, "--because", "it drifts")
    assert "customer/1 governs again, instead of customer/2" in back
    assert "customer@champion points at customer/1 now." in back
    assert load_served(Settings(model=NAME, state=site.state)).model_version == "customer/1"
    assert "rollback" in command("case", "list")
    assert "those that were adopted" in command("audit", "aliases")


def test_a_case_names_what_the_battery_could_not_judge(folder: Path, site: Site) -> None:
    battery = battery_of(site.versions["1"])
    silent = next(of for of in battery["results"] if of["id"].startswith("stability."))
    silent |= {"verdict": "not_enough_data", "reason": {"en": "no reference customers"}}
    hashes = {"reference_review_sha256": "e" * 64, "reference_customers": 30}
    battery["subject"] |= hashes
    opened = open_store(None, folder)
    case = promote(opened, reviewed(site.versions["1"], battery)).id
    opened.close()
    lines = command("case", "show", case).splitlines()
    assert "Not judged: stability (1 of 1): One of stability (no reference customers)" in lines
    whom = "the 30 customers of the reference recorded with the version"
    assert f"Battery: the mix of customers compared with {whom}" in lines
    operations = load_operations(site.versions["1"], {"TIERWISE_OPERATE": "1", "TIERWISE_KEYS": str(folder)})
    assert operations is not None
    shown = ROUTES["GET", "/v1/cases/{case}"](operations, acting("sue"), {"case": case}, {})
    operations.close()
    (part,) = shown["reviews"]["battery"]["not_judged"]
    assert (part["part"], part["names"]) == ("stability", ["One of stability"])
    assert shown["reviews"]["battery"].items() >= hashes.items()


def test_an_adoption_whose_alias_could_not_be_moved_is_found_and_repaired(
    folder: Path, site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    case = proposed_by_ann(folder, site, "1")
    gone = tmp_path / "gone"
    approved = command("case", "approve", case, "--version", "1", "--findings", "holds", "--state", str(gone))
    assert "effective" in approved and not gone.exists()
    assert "champion" not in site.aliases
    lines = command("audit", "aliases", code=1)
    assert lines == "customer@champion points at no version, and what was adopted is customer/1.\n"
    assert "customer@champion points at customer/1 now." in command("audit", "aliases", "--repair")
    assert site.aliases["champion"] == "1"
    command("audit", "aliases")


def test_who_serves_without_the_store_is_told_that_it_adopted_another_version(
    folder: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    one, two = site.versions["1"], site.versions["2"]
    assert adopted_instead(two, tmp_path) is None
    case = proposed_by_ann(folder, site, "1")
    command("case", "approve", case, "--version", "1", "--findings", "holds")
    assert adopted_instead(one, tmp_path) is None
    assert adopted_instead(recalibrated(two, "another/2"), tmp_path) is None
    assert adopted_instead(two, tmp_path) == "customer/1"
    tell_adopted(two, Settings(state=tmp_path))
    assert "has adopted customer/1; what is served here is another" in capfd.readouterr().err
    monkeypatch.setenv("TIERWISE_KEYS", str(tmp_path / "none"))
    assert adopted_instead(two, tmp_path) is None


def test_what_was_set_outside_is_repaired_only_where_it_is_named(folder: Path, site: Site) -> None:
    site.set_alias("champion", "2")
    assert "no version of customer was ever adopted" in command("audit", "aliases", "--repair", code=1)
    assert "customer@champion points at no version now." in command("audit", "aliases", NAME, "--repair")
    assert site.aliases == {"candidate": "2"}


def test_only_what_is_named_is_repaired(folder: Path, site: Site) -> None:
    first = proposed_by_ann(folder, site, "1")
    command("case", "approve", first, "--version", "1", "--findings", "holds")
    site.set_alias("champion", "2")
    command("audit", "aliases", "another", "--repair")
    assert site.aliases["champion"] == "2"
    assert "customer@champion points at customer/1 now." in command("audit", "aliases", NAME, "--repair")


def test_by_default_the_candidate_is_promoted_and_then_the_challenger(folder: Path, site: Site) -> None:
    first = proposed_by_ann(folder, site, "1")
    command("case", "approve", first, "--version", "1", "--findings", "holds")
    said = command("promote", NAME, "--to", "challenger", "--because", "newer")
    assert "before customer/2 is the challenger" in said
    case = approved_by_bob(folder, said)
    opened = open_store(None, folder)
    with opened.reading() as connection:
        waiting = load_case(connection, case)
    approve(opened, waiting, "carl")
    opened.close()
    registry.set_alias(NAME, "1", registry.CANDIDATE, site.state)
    try:
        said = command("promote", NAME, "--to", "champion", "--because", "shadowed")
    finally:
        registry.set_alias(NAME, "2", registry.CANDIDATE, site.state)
    assert "before customer/2 is the champion" in said


def test_accepted_failures_are_asked_for_by_check(folder: Path, site: Site) -> None:
    opened = open_store(None, folder)
    lenient = Procedure(procedure="lenient", promotion=PromotionRules(exceptions=True))
    desk = GovernanceDesk(opened, governing_procedure(opened, None))
    with opened.writing("ann") as writing:
        case = desk.propose_procedure(writing, acting("ann"), lenient, "because")
    approve(opened, case, "bob", "carl")
    opened.close()
    before = registry.recorded_review(NAME, "1", registry.BATTERY, site.state)
    assert before is not None
    failed = json.dumps(battery_of(site.versions["1"], "calibration.slope")).encode()
    registry.record_review(NAME, "1", registry.BATTERY, failed, "failed", site.state)
    words = ("promote", NAME, "--to", "champion", "--version", "1", "--because", "x")
    try:
        with pytest.raises(ValueError, match=r"calibration\.slope failed"):
            command(*words)
        with pytest.raises(ValueError, match="CHECK_ID:REASON"):
            command(*words, "--accept-failed", "calibration.slope")
        said = command(*words, "--accept-failed", "calibration.slope: one odd year")
    finally:
        registry.record_review(NAME, "1", registry.BATTERY, before.document, "passed", site.state)
    shown = command("case", "show", said.split()[1].rstrip(":"))
    told = "To be accepted though it failed: calibration.slope (Named calibration.slope): one odd year"
    assert told in shown
    # What was recorded before the failure, and by how many, is told as well.
    assert "Battery recorded before: passed (7 passed, 0 failed) on 1234 customers" in shown
    earlier = registry.earlier_reviews(NAME, "1", registry.BATTERY, site.state)
    assert before.document in earlier and failed in earlier


def test_a_version_without_a_review_is_not_promoted(folder: Path, site: Site) -> None:
    client = registry.connect(site.state)
    tag = registry.REVIEW_TAG.format(kind=registry.REASONS, what="sha256")
    kept = client.get_model_version(NAME, "1").tags[tag]
    client.delete_model_version_tag(NAME, "1", tag)
    try:
        with pytest.raises(ValueError, match="no reasons review is recorded with customer/1"):
            command("promote", NAME, "--to", "champion", "--version", "1", "--because", "x")
    finally:
        client.set_model_version_tag(NAME, "1", tag, kept)


def test_an_approval_by_route_moves_the_alias_beside_the_answer(
    folder: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = {"TIERWISE_OPERATE": "1", "TIERWISE_KEYS": str(folder)}
    show, approving = (
        ROUTES[method, f"/v1/cases/{{case}}{end}"] for method, end in (("GET", ""), ("POST", "/approve"))
    )

    def by_route(version: str, kind: CaseKind) -> None:
        case = {"case": proposed_by_ann(folder, site, version, kind)}
        operations = load_operations(site.versions["1"], environment)
        assert operations is not None
        assert show(operations, acting("sue"), case, {})["reviews"]["battery"]["verdict"] == "passed"
        answered = approving(operations, acting("carl"), case, {"version": 1, "findings": "holds"})
        assert answered["state"] == "effective"
        (_, judged) = show(operations, acting("sue"), case, {})["judged"]
        assert (judged["by"], judged["findings"]) == ("carl", "holds")
        # Which waits for what goes on beside it.
        operations.close()

    by_route("1", CaseKind.MODEL)
    assert site.aliases == {"candidate": "2", "champion": "1"}
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "gone"))
    by_route("2", CaseKind.CHALLENGER)
    assert "challenger" not in site.aliases
    assert "aliases were not moved (RegistryError); run `tierwise audit aliases --repair`" in caplog.text


# Which version a name means


def test_a_name_means_the_champion_and_before_there_is_one_the_candidate(
    folder: Path, site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    def loaded(asked: str) -> Served:
        return load_served(Settings(model=asked, state=site.state))

    candidate = loaded(NAME)
    assert (candidate.model_version, candidate.is_candidate) == ("customer/2", True)
    assert candidate.describe().endswith("model customer/2 (a candidate that nobody has promoted)")
    site.set_alias("champion", "1")
    site.set_alias("challenger", "2")
    found = {asked: loaded(asked) for asked in (NAME, f"{NAME}@candidate", f"{NAME}@challenger", f"{NAME}/2")}
    assert [of.model_version for of in found.values()] == [f"{NAME}/{n}" for n in "1222"]
    assert not any(of.is_candidate for of in found.values())
