"""Who belongs together, so that one must not be judged by what was learnt from the other.

Companies of one group (集團客戶) do, and a merged customer and its successor, who carries on its records.
"""

from pathlib import Path

import pandas as pd

from features.linked import linked

GROUP_ID = "group_id"


def related_customers(groups: Path | None, successions: Path | None) -> pd.DataFrame:
    """Return the customers who belong together with others, each once: customer_id and group_id.

    Whoever was ever in one group belongs together, and so do groups that ever shared a member: what is learnt
    from a customer on one day tells of it on another. The group_id is the smallest of theirs, or of mergers
    without a group the smallest customer_id.

    Args:
        groups, successions: Parquet files as `features.sources.successions` writes them, if there are any.
    """
    parts = [pd.DataFrame({"customer_id": [], "unit": [], GROUP_ID: []}, dtype=object)]
    if groups is not None:
        members = pd.read_parquet(groups, columns=["customer_id", GROUP_ID]).drop_duplicates()
        parts.append(members.assign(unit="group " + members[GROUP_ID]))
    if successions is not None:
        mergers = pd.read_parquet(successions, columns=["from_customer", "to_customer"])
        unit = "merger " + mergers["from_customer"]
        for side in ("from_customer", "to_customer"):
            parts.append(pd.DataFrame({"customer_id": mergers[side], "unit": unit}))
    table = pd.concat(parts, ignore_index=True)
    number = linked(table["customer_id"].to_numpy(dtype=object), table["unit"].to_numpy(dtype=object))
    by_number = table.groupby(number)
    name = by_number[GROUP_ID].min().fillna(by_number["customer_id"].min())
    related = pd.DataFrame({"customer_id": table["customer_id"], GROUP_ID: name.to_numpy()[number]})
    return related.drop_duplicates("customer_id", ignore_index=True)
