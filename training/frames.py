"""A portfolio as the frame that it was read from: encoded values back as numbers, flags and texts."""

import numpy as np
import pandas as pd

from features.catalog import Kind
from features.portfolio import Portfolio


def to_frame(portfolio: Portfolio) -> pd.DataFrame:
    """Return columns customer_id, nature, as_of (text) and every indicator; missing is NaN or None."""
    columns: dict[str, object] = {
        "customer_id": list(portfolio.customer_ids),
        "nature": [str(nature) for nature in portfolio.natures],
        "as_of": [day.isoformat() for day in portfolio.as_of],
    }
    for column, placed in enumerate(portfolio.catalog.placed):
        values = portfolio.given[:, column]
        missing = np.isnan(values)
        match placed.indicator.kind:
            case Kind.NUMBER:
                columns[placed.id] = values
            case Kind.FLAG:
                flags = np.where(missing, 0.0, values).astype(bool).astype(object)
                flags[missing] = None
                columns[placed.id] = pd.Series(flags, dtype=object)
            case Kind.CATEGORY:
                texts = portfolio.levels[placed.id].copy()
                texts[missing] = None
                columns[placed.id] = pd.Series(texts, dtype=object)
    return pd.DataFrame(columns)
