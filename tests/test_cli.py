"""The command line: what each command answers, and that whatever goes wrong is one line and exit code 2."""

import csv
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import typer.main
import yaml
from typer.testing import CliRunner

import tierwise
from features.catalog import CATALOGS, load_catalog
from features.customer import parse_customer
from features.portfolio import Portfolio
from features.terms import Language, Nature
from models.answer import answer
from models.decision import Scorer
from models.policy import POLICIES, load_policy
from serving.example import example_customer
from serving.next_tier import NextTier
from serving.served import Served
from tests.served_model import fuzzed_corpus
from tests.strategies import random_model, random_portfolio
from training.frames import to_frame

ROOT = Path(__file__).resolve().parents[1]
VALUE = 48_151_623.42


@pytest.fixture(autouse=True)
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no command find what was trained on this machine."""
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "120")


def called(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    command = [sys.executable, str(ROOT / "tierwise.py"), *map(str, arguments)]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=120, check=False, env={**os.environ}
    )


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    """Run `main` in this process, which must end with 2, and return the one line it wrote."""
    monkeypatch.setattr(sys, "argv", ["tierwise", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        tierwise.main()
    written = capsys.readouterr()
    assert caught.value.code == 2
    assert written.out == ""
    (line,) = written.err.splitlines()
    assert line.startswith("tierwise: ")
    assert "Traceback" not in line
    assert str(VALUE) not in line
    return line


def run(*arguments: str | Path, given: str | None = None, code: int = 0) -> str:
    """Run a command in this process, which must end with a code, and return what it printed."""
    result = CliRunner().invoke(
        tierwise.app, [str(a) for a in arguments], input=given, catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result.stdout


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def customer(tmp_path: Path) -> Path:
    path = tmp_path / "customer.json"
    path.write_text(json.dumps(example_customer(load_catalog("customer"))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def forty() -> str:
    """Return 40 customers of the bundled catalog as CSV."""
    return to_frame(random_portfolio(load_catalog("customer"), 40, seed=1)).to_csv(index=False)


@pytest.fixture
def table(forty: str, tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(forty, encoding="utf-8")
    return path


# Answers


def test_explain_prints_the_answer_that_python_gives() -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    scorer = Scorer(catalog, policy)
    for number, raw in enumerate(fuzzed_corpus(catalog, 12)):
        language = list(Language)[number % 3]
        portfolio = Portfolio.from_customers([parse_customer(raw, catalog)], catalog)
        expected = answer(scorer.decide(portfolio), 0, language=language)
        printed = run("explain", "-", "--json", "--language", language, given=json.dumps(raw))
        assert json.loads(printed) == expected
        assert printed.count("\n") == 1


@pytest.mark.parametrize("nature", ["enterprise", "individual"])
def test_an_example_of_a_catalog_can_be_explained(nature: str) -> None:
    raw = run("catalog", "example", "customer", "--nature", nature)
    answer = json.loads(run("explain", "-", "--json", "--catalog", "customer", given=raw))
    assert answer["nature"] == nature and answer["tier"] != "unrated"


def test_explain_reads_a_file_or_standard_input_and_justifies_in_words(customer: Path) -> None:
    from_file = called("explain", customer, "--catalog", "customer")
    assert (from_file.returncode, from_file.stderr) == (0, "")
    assert "C-0001" in from_file.stdout
    assert "reference" in from_file.stdout
    from_stdin = called("explain", "-", given=customer.read_text(encoding="utf-8"))
    assert from_stdin.stdout == from_file.stdout
    assert "良好客戶" in run("explain", customer, "--language", "zh-Hant")


def test_path_prints_the_answer_that_python_gives_and_says_it_in_words(customer: Path) -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    finder = NextTier(Served(Scorer(catalog, policy), None))
    for number, raw in enumerate(fuzzed_corpus(catalog, 12)):
        language = list(Language)[number % 3]
        printed = run("path", "-", "--json", "--language", language, given=json.dumps(raw))
        assert json.loads(printed) == finder.answer_raw(raw, language)
        assert printed.count("\n") == 1
    expected = finder.answer_raw(json.loads(customer.read_text(encoding="utf-8")), Language.ZH_HANS)
    shown = run("path", customer, "--language", "zh-Hans", "--catalog", "customer")
    assert expected["steps"]
    for reason in expected["reasons"]:
        assert reason in shown.replace("\n", "")


def test_a_catalog_and_policy_of_ones_own_can_be_given_as_files(customer: Path, tmp_path: Path) -> None:
    own, rules = tmp_path / "own.yaml", tmp_path / "rules.yaml"
    own.write_bytes((CATALOGS / "customer.yaml").read_bytes())
    rules.write_bytes((POLICIES / "customer.yaml").read_bytes())
    given = json.loads(run("explain", customer, "--json", "--catalog", own, "--policy", rules))
    assert given == json.loads(run("explain", customer, "--json"))


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_score_writes_a_table_of_decisions(table: Path, tmp_path: Path, ending: str) -> None:
    output = tmp_path / f"decisions{ending}"
    printed = run("score", table, output)
    assert "40 read, 40 scored, 0 rejected." in printed
    if ending == ".csv":
        ids = [line["customer_id"] for line in lines_of(output)]
    elif ending == ".parquet":
        ids = pd.read_parquet(output)["customer_id"].tolist()
    else:
        ids = [f"C-{row}" for row in range(40)]
        book = openpyxl.load_workbook(output, read_only=True)
        texts = [str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
        assert [text for text in texts if text in set(ids)] == ids
        book.close()
    assert ids == [f"C-{row}" for row in range(40)]


def test_rows_of_the_wrong_type_are_kept_apart_with_their_reason(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table, dtype=str)
    frame.loc[3, "registered_capital"] = f"about {VALUE}"
    frame.loc[3, "nature"] = "enterprise"
    frame["remark"] = "x"
    frame.to_csv(table, index=False)
    printed = run("score", table, tmp_path / "out.csv")
    assert "40 read, 39 scored, 1 rejected." in printed
    assert "Columns not used: remark." in printed
    (reject,) = lines_of(tmp_path / "out.rejects.csv")
    assert (reject["row"], reject["field"]) == ("5", "indicator registered_capital")
    assert str(VALUE) not in printed + reject["reason"]


@pytest.mark.parametrize("name", ["customer", "sba"])
def test_catalog_check_tells_the_hash(name: str) -> None:
    printed = run("catalog", "check", name, "--policy", name)
    assert load_catalog(name).hash in printed
    assert "holds" in printed


# Weighing


@pytest.mark.parametrize("method", ["entropy", "critic"])
def test_weights_are_drawn_from_a_table_shown_and_written(table: Path, tmp_path: Path, method: str) -> None:
    output = tmp_path / "weighed.yaml"
    printed = run("catalog", "weigh", "customer", table, "--method", method, "--output", output)
    assert f"Method {method}, drawn from 40 customers." in printed
    drawn = load_catalog(output)
    assert drawn.hash in printed
    assert (drawn.weighting.method, drawn.weighting.customers) == (method, 40)
    assert "客戶" in output.read_text(encoding="utf-8")
    before, after = (
        c.weights(c.natures[0]).get("debt_to_asset_ratio", (0.0,)) for c in (load_catalog("customer"), drawn)
    )
    shown = [f"{share[0] * (share[1] * share[2] if len(share) > 1 else 1):.1%}" for share in (before, after)]
    assert " → ".join(shown) in printed
    run("catalog", "check", output, "--policy", "customer")
    run("score", table, tmp_path / "out.csv", "--catalog", output, "--policy", "customer")


def test_dimensions_are_weighed_by_judgements_with_their_ratio(tmp_path: Path) -> None:
    matrix, output = tmp_path / "judgements.csv", tmp_path / "weighed.yaml"
    rows = ["1,1/2,1/2,1,1", "2,1,1,3,2", "2,1,1,2,2", "1,1/3,1/2,1,1", "1,1/2,1/2,1,1"]
    matrix.write_text("\n".join(rows) + "\n", encoding="utf-8")
    printed = run("catalog", "weigh", "sba", "--method", "ahp", "--matrix", matrix, "--output", output)
    drawn = load_catalog(output)
    ratio = drawn.weighting.consistency_ratio
    assert ratio is not None
    assert 0 < ratio < 0.1
    assert f"consistency ratio {ratio:.4f}" in printed


# Errors


BAD_YAML = "catalog: [unclosed"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["score", "absent.csv", "out.csv"], "absent.csv: cannot be read"),
        (["score", "bad.yaml", "out.csv"], "give a .csv, "),
        (["score", "customers.csv", "out.txt"], "out.txt: give a .csv, .parquet or .xlsx file"),
        (["score", "customers.csv", "nowhere/out.csv"], "cannot be written"),
        (["score", "customers.csv", "customers.csv"], "would be overwritten"),
        (["score", "empty.csv", "out.csv"], "column customer_id is absent"),
        (["score", "customers.csv", "out.csv", "--model", "absent"], "model absent: none is registered"),
        (["score", "customers.csv", "out.csv", "--model", "a", "--catalog", "sba"], "brings its own catalog"),
        (["score", "customers.csv", "out.csv", "--catalog", "bad.yaml"], "name the policy too"),
        (["explain", "absent.json"], "absent.json: cannot be read"),
        (["explain", "bad.yaml"], "bad.yaml: is no JSON"),
        (["explain", "deep.json"], "deep.json: is no JSON"),
        (["explain", "twice.json"], "twice.json: a key is given twice"),
        (["explain", "latin.json"], "latin.json: is no JSON"),
        (["explain", "list.json"], "customer 0: customer: must be an object"),
        (["explain", "text.json"], "indicator registered_capital: must be a number"),
        (["explain", "nan.json"], "indicator registered_capital: must be finite"),
        (["explain", "unknown.json"], "indicator nowhere_declared: is not in the catalog"),
        (["explain", "text.json", "--model", "No Such"], "No Such"),
        (["explain", "text.json", "--state", "a#b", "--model", "x"], "choose another"),
        (
            ["catalog", "example", "sba", "--nature", "government"],
            "no customers of that nature; give enterprise",
        ),
        (["catalog", "check", "absent"], "absent: cannot be read"),
        (["catalog", "check", "bad.yaml"], "bad.yaml: line 1 is no YAML"),
        (["catalog", "check", "sba", "--policy", "customer"], "policy customer"),
        (["catalog", "check", "sba", "--policy", "absent"], "absent: cannot be read"),
        (["catalog", "check", "folder"], "folder: cannot be read"),
        (["catalog", "check", "wrong.yaml"], "add up to"),
        (["catalog", "weigh", "customer"], "take a table"),
        (["catalog", "weigh", "customer", "customers.csv", "--matrix", "m.csv"], "no --matrix"),
        (["catalog", "weigh", "customer", "customers.csv", "--method", "ahp"], "takes --matrix"),
        (
            ["catalog", "weigh", "customer", "customers.csv", "--method", "judgement"],
            "choose entropy or critic",
        ),
        (["catalog", "weigh", "customer", "absent.csv"], "absent.csv: cannot be read"),
        (["catalog", "weigh", "customer", "empty.csv"], "column customer_id is absent"),
        (["catalog", "weigh", "customer", "header.csv"], "header.csv: holds no customers"),
        (
            ["catalog", "weigh", "customer", "wrong.csv"],
            "row 2: indicator registered_capital: must be a number",
        ),
        (["catalog", "weigh", "customer", "--method", "ahp", "--matrix", "absent.csv"], "cannot be read"),
        (["catalog", "weigh", "customer", "--method", "ahp", "--matrix", "m.csv"], "5 dimensions"),
        (
            ["catalog", "weigh", "customer", "--method", "ahp", "--matrix", "wrong.csv"],
            "line 1: give numbers",
        ),
        (["catalog", "weigh", "sba", "--method", "ahp", "--matrix", "torn.csv"], "contradict each other"),
        (["serve", "--host", "nowhere"], "give an IP address"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(
    arguments: list[str],
    reason: str,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw: dict[str, Any] = {
        "customer_id": "C",
        "nature": "enterprise",
        "as_of": "2026-01-31",
        "indicators": {},
    }
    monkeypatch.chdir(table.parent)
    for name, content in {
        "table.txt": "x", "empty.csv": "a,b\n1,2\n", "bad.yaml": BAD_YAML, "deep.json": "[" * 100_000,
        "list.json": "[1]", "twice.json": '{"customer_id": "a", "indicators": {"x": 1, "x": 2}}',
        "text.json": json.dumps(raw | {"indicators": {"registered_capital": f"{VALUE}"}}),
        "nan.json": json.dumps(raw | {"indicators": {"registered_capital": float("nan")}}),
        "unknown.json": json.dumps(raw | {"indicators": {"nowhere_declared": VALUE}}),
        "header.csv": "customer_id,nature,as_of\n",
        "wrong.csv": f"customer_id,nature,as_of,registered_capital\nC,enterprise,2026-01-31,~{VALUE}\n",
        "m.csv": "1,2\n1/2,1\n",
        "torn.csv": "1,9,1/9,1,1\n1/9,1,9,1,1\n9,1/9,1,1,1\n1,1,1,1,1\n1,1,1,1,1\n",
    }.items():  # fmt: skip
        Path(name).write_text(content, encoding="utf-8")
    Path("latin.json").write_bytes(b'{"customer_id": "\xe9"}')
    Path("folder").mkdir()
    document = yaml.safe_load((CATALOGS / "sba.yaml").read_text(encoding="utf-8"))
    document["dimensions"][0]["weight"] = 21
    Path("wrong.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert reason in told(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize(
    "arguments", [["catalog", "check", "absent"], ["explain", "absent.json"], ["explain", "-"]]
)
def test_a_real_process_writes_one_line_and_ends_with_2(arguments: list[str]) -> None:
    done = called(*arguments, given="{")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["score", "only.csv"], ["explain", "x", "--language", "fr"], ["nothing"]]
)
def test_a_wrong_call_says_how_to_ask_for_help_and_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(tierwise.app, arguments)
    assert result.exit_code == 2
    assert "--help" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_defect_shows_its_traceback(monkeypatch: pytest.MonkeyPatch, customer: Path) -> None:
    """Only errors that were foreseen are told in one line."""

    def broken(raw: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("serving.commands._read_customer", broken)
    monkeypatch.setattr(sys, "argv", ["tierwise", "explain", str(customer)])
    with pytest.raises(ZeroDivisionError):
        tierwise.main()


def test_every_error_that_is_told_exists_and_is_an_exception() -> None:
    for module, name in tierwise.EXPECTED.items():
        assert issubclass(getattr(importlib.import_module(module), name), Exception)


# Help


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = [(path, group)]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize(("path", "command"), commands(typer.main.get_command(tierwise.app)))
def test_every_command_argument_and_option_is_documented(path: tuple[str, ...], command: Any) -> None:
    assert command.help, path
    printed = run(*path, "--help")
    for parameter in command.params:
        assert parameter.help, (path, parameter.name)
        words = parameter.help.split()[0]
        assert words in printed
    for name in getattr(command, "commands", {}):
        assert name in printed


# Keys and signatures


def test_a_key_is_made_a_model_signed_and_only_what_is_signed_by_a_trusted_key_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    unsigned, signed = tmp_path / "unsigned.json", tmp_path / "signed.json"
    unsigned.write_bytes(random_model(catalog, policy, (Nature.ENTERPRISE,), seed=1).to_bytes())
    trusted, others = tmp_path / "trusted.txt", tmp_path / "others.txt"
    trusted.write_text(run("key", tmp_path / "signer.pem"))
    others.write_text(run("key", tmp_path / "another.pem"))
    run("sign", unsigned, signed, "--key", tmp_path / "signer.pem")

    def export(artefact: Path) -> tuple[str, ...]:
        return "export", str(tmp_path / "model.csv"), "--artefact", str(artefact), "--catalog", "customer"

    monkeypatch.setenv("TIERWISE_TRUSTED_KEYS", str(trusted))
    assert "Written" in run(*export(signed))
    assert "refused" in told(capsys, monkeypatch, *export(unsigned))
    monkeypatch.setenv("TIERWISE_TRUSTED_KEYS", str(others))
    assert "refused" in told(capsys, monkeypatch, *export(signed))
    monkeypatch.setenv("TIERWISE_TRUSTED_KEYS", str(tmp_path / "absent.txt"))
    assert "cannot be read" in told(capsys, monkeypatch, *export(signed))


def test_a_key_is_never_written_over_another_and_what_is_no_model_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, file = tmp_path / "signer.pem", tmp_path / "file.json"
    run("key", key)
    before = key.read_bytes()
    assert "is there already" in told(capsys, monkeypatch, "key", key)
    assert key.read_bytes() == before
    assert key.stat().st_mode & 0o777 == 0o600
    file.write_text("{}")
    assert "refused" in told(capsys, monkeypatch, "sign", file, tmp_path / "out.json", "--key", key)
    assert not (tmp_path / "out.json").exists()
    assert "cannot be read" in told(
        capsys, monkeypatch, "sign", tmp_path / "absent", tmp_path / "out.json", "--key", key
    )
