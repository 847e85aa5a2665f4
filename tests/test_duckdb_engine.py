"""DuckDB within its limits."""

from pathlib import Path

from features.sources.engine import count_of, engine


def test_what_does_not_fit_into_memory_is_spilled_into_a_folder_that_was_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "spill"
    with engine(folder, memory_limit="40MB", threads=1) as connection:
        connection.execute("CREATE TABLE sorted AS SELECT hash(range) AS h FROM range(6000000) ORDER BY h")
        spilled = connection.execute("SELECT count(*) FROM duckdb_temporary_files()").fetchone()
        assert spilled is not None and spilled[0] > 0
        assert count_of(connection, "SELECT count(*) FROM sorted") == 6_000_000
