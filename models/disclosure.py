"""How few customers a figure may be of before it tells of one of them."""

MINIMUM_AGGREGATE = 20
"""Nothing that leaves the customers' own records (runs, pages, reports, plots) is of fewer customers."""
