"""What hangs together is numbered alike, whatever chain leads from one to the other."""

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.linked import linked
from features.sources.related import related_customers

PAIRS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, *"uvwxyz"])), max_size=12)


def spread(pairs: list[tuple[str, str | None]]) -> list[int]:
    """Say the same slowly: numbers spread until nothing changes, then are counted as they appear."""
    numbers = list(range(len(pairs)))
    while True:
        before = list(numbers)
        for i, (member, unit) in enumerate(pairs):
            for j, (other, its) in enumerate(pairs):
                if member == other or (unit is not None and unit == its):
                    numbers[i] = min(numbers[i], numbers[j])
        if numbers == before:
            order = list(dict.fromkeys(numbers))
            return [order.index(number) for number in numbers]


@given(PAIRS)
def test_pairs_are_linked_as_a_slow_search_finds(pairs: list[tuple[str, str | None]]) -> None:
    members = np.array([member for member, _ in pairs], dtype=object)
    units = np.array([unit for _, unit in pairs], dtype=object)
    assert linked(members, units).tolist() == spread(pairs)


def test_groups_that_ever_shared_a_member_and_merged_customers_belong_together(tmp_path: Path) -> None:
    groups, mergers = tmp_path / "groups.parquet", tmp_path / "successions.parquet"
    pd.DataFrame({"customer_id": list("abbc"), "group_id": ["G2", "G2", "G1", "G1"]}).to_parquet(groups)
    pd.DataFrame({"from_customer": ["e", "f"], "to_customer": ["a", "g"]}).to_parquet(mergers)

    def found(*files: Path | None) -> dict[str, str]:
        related = related_customers(*files)
        assert related["customer_id"].is_unique
        return dict(zip(related["customer_id"], related["group_id"], strict=True))

    assert found(groups, None) == dict.fromkeys("abc", "G1")
    assert found(None, mergers) == {"e": "a", "a": "a", "f": "f", "g": "f"}
    assert found(groups, mergers) == {**dict.fromkeys("abce", "G1"), "f": "f", "g": "f"}
