"""From a portfolio file to indicators that can be scored and trained on."""

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalog import load_catalog
from features.pipeline import prepare
from features.portfolio import Portfolio
from features.simulation.company import simulate
from features.sources.opening import TableError
from features.synthetic import is_marked
from tests.test_cli import run
from training.customers import read_customers
from training.validation import held_out_folds

DATA = Path(os.environ.get("TIERWISE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
DAY = date(2024, 12, 31)


def test_a_synthetic_company_becomes_a_frame_that_its_catalog_accepts(tmp_path: Path) -> None:
    company = simulate(tmp_path / "company", 300, 3, first=date(2022, 1, 1), last=DAY, ugly=True)
    found = prepare(company.portfolio, tmp_path / "built", as_of=DAY)
    frame = pd.read_parquet(found.built.indicators)
    portfolio, rejects = Portfolio.from_frame(frame, load_catalog("customer"))
    assert not len(rejects) and len(portfolio) == found.built.rows > 250
    # Nobody's twelve months are over on the last day.
    assert found.labels is not None and found.labels.immature == found.built.rows
    assert found.labelled == 0 and found.page.is_file()
    assert is_marked(found.built.indicators)
    for table in found.staged.tables.values():
        assert table.read == table.accepted + table.rejected
        assert table.accepted == table.matched + table.unmatched


def test_groups_of_companies_stand_beside_the_indicators_and_no_fold_splits_one(tmp_path: Path) -> None:
    company = simulate(tmp_path / "company", 1500, 5, first=date(2023, 1, 1), last=DAY)
    found = prepare(company.portfolio, tmp_path / "built", as_of=DAY)
    frame = pd.read_parquet(found.built.indicators)
    members = pd.read_parquet(tmp_path / "company" / "tables" / "groups.parquet")
    group_of = frame.dropna(subset="group_id").set_index("customer_id")["group_id"].to_dict()
    there = members[members["customer_id"].isin(frame["customer_id"])]
    assert there.groupby("group_id").size().max() > 2
    for _, customers in there.groupby("group_id")["customer_id"]:
        assert len({group_of[customer] for customer in customers}) == 1
    assert len(group_of) < len(frame)

    # As it is trained on: with outcomes, which only have to be of both kinds here.
    frame["outcome"] = np.random.default_rng(1).choice(["yes", "no"], len(frame))
    frame.to_parquet(tmp_path / "labelled.parquet")
    table = read_customers(tmp_path / "labelled.parquet", load_catalog("customer"), "outcome", ["yes"])
    assert table.ignored == () and len(table.data) == len(frame)
    groups = [group_of.get(customer) for customer in table.data.portfolio.customer_ids]
    scheme, folds, _ = held_out_folds(table.data, whose=table.whose)
    assert scheme.startswith("By customer and group of companies")
    for training, held_out in [*folds, *table.data.folds()]:
        trained_on, judged = ({groups[row] for row in rows} - {None} for rows in (training, held_out))
        assert judged and not trained_on & judged


def test_the_commands_say_what_they_read_rejected_and_know_of_outcomes(tmp_path: Path) -> None:
    printed = run("simulate", tmp_path / "company", "--customers", "200", "--ugly")
    assert "Synthetic: 200 customers" in printed
    portfolio = tmp_path / "company" / "portfolio.yaml"
    printed = run("build", portfolio, tmp_path / "built", "--as-of", "2023-12-31")
    # The mark that such a file is synthetic is a line of one cell.
    assert "rows of customers, customers.synthetic.csv: whole row: has 1 cells, the header 13" in printed
    assert "Outcomes by the records until 2024-12-31: " in printed and ", 0 immature" in printed
    assert "with an outcome (" in printed and "adverse)" in printed


def write_delivery(folder: Path, outcomes: str) -> Path:
    (folder / "firms.csv").write_text("企业代号,企业名称\nE1,a\nE2,b\n", encoding="gb18030")
    for kind, party in (("sales", "购方单位代号"), ("purchases", "销方单位代号")):
        (folder / f"{kind}.csv").write_text(
            f"企业代号,开票日期,{party},金额,发票状态\nE1,2020/1/5,B,100,有效发票\nE1,2020/1/6,B,40,作废发票\n",
            encoding="utf-8",
        )
    (folder / "outcomes.csv").write_text(outcomes, encoding="utf-8")
    file = folder / "portfolio.yaml"
    file.write_text(
        "portfolio: small\ncatalog: cumcm2020c\ncurrency: CNY\nsources:\n"
        "  - {table: customers, path: firms.csv, constants: {nature: 企业}}\n"
        "  - {table: sales, path: sales.csv}\n  - {table: purchases, path: purchases.csv}\n"
        "outcomes: {path: outcomes.csv, columns: {who: customer_id, what: outcome}}\n",
        encoding="utf-8",
    )
    return file


def test_constants_fill_a_column_and_outcomes_stand_beside_the_indicators(tmp_path: Path) -> None:
    file = write_delivery(tmp_path, "who,what\nE1,是\nE9,否\n")
    found = prepare(file, tmp_path / "built", as_of=date(2020, 2, 1))
    frame = pd.read_parquet(found.built.indicators).set_index("customer_id")
    assert found.labelled == 1
    assert frame["outcome"].loc[["E1", "E2"]].isna().tolist() == [False, True]
    assert frame.loc["E1", "outcome"] == "是"
    assert set(frame["nature"]) == {"enterprise"}
    assert frame.loc["E1", "revenue_12m"] == 100.0 and frame.loc["E1", "void_share_12m"] == 0.5


def test_rows_that_are_passed_over_are_told(tmp_path: Path) -> None:
    file = write_delivery(tmp_path, "who,what\nE1,是\n")
    file.write_text(file.read_text("utf-8").replace("sales.csv", "sales.csv, filled: 合同"), "utf-8")
    (tmp_path / "sales.csv").write_text(
        "企业代号,开票日期,购方单位代号,金额,发票状态,合同\nE1,2020/1/5,B,100,有效发票,\n"
        "E1,2020/1/6,B,40,有效发票,無\nE1,2020/1/7,B,60,有效发票,c\n",
        encoding="utf-8",
    )
    printed = run("build", file, tmp_path / "built", "--as-of", "2020-02-01")
    assert "1 further rows were none of sales: nothing stood under filled" in printed
    assert pd.read_parquet(tmp_path / "built" / "indicators.parquet")["revenue_12m"].max() == 100.0


def test_two_outcomes_of_one_customer_are_refused(tmp_path: Path) -> None:
    file = write_delivery(tmp_path, "who,what\nE1,是\nE1,否\n")
    with pytest.raises(TableError, match="two outcomes of one day"):
        prepare(file, tmp_path / "built", as_of=date(2020, 2, 1))


@pytest.mark.skipif(not (DATA / "cumcm2020c").is_dir(), reason="needs the fetched data (TIERWISE_DATA)")
def test_real_enterprises_are_built_from_their_invoices(tmp_path: Path) -> None:
    found = prepare("cumcm2020c", tmp_path, as_of=date(2020, 2, 21), data=DATA)
    assert (found.built.rows, found.labelled) == (425, 123)
    assert found.staged.tables["sales"].accepted == 162_484 + 330_835
    frame = pd.read_parquet(found.built.indicators).set_index("customer_id")
    # The largest enterprise's revenue, by pandas.
    raw = pd.read_parquet(DATA / "cumcm2020c" / "credit_history_enterprise_output_invoice.parquet")
    raw = raw[(raw["企业代号"] == "E1") & (raw["发票状态"].str.strip() == "有效发票")]
    days = pd.to_datetime(raw["开票日期"], format="%Y/%m/%d")
    own = raw.loc[days.between("2019-02-22", "2020-02-21"), "金额"].astype(float).sum()
    assert frame.loc["E1", "revenue_12m"] == pytest.approx(own, rel=1e-12)
