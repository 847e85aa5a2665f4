"""Numbers of few digits, by which a quantile can be told that is no single customer's value."""

import math

_MOST_DIGITS = 17


def shortest_between(low: float, high: float) -> float:
    """Return the number of fewest digits from low to high, of several the one nearest the middle."""
    if low <= 0 <= high:
        return 0.0
    if high < 0:
        return -shortest_between(-high, -low)
    if low == high:
        return low
    for digits in range(1, _MOST_DIGITS + 1):
        exponent = math.floor(math.log10(high)) - digits + 1
        step = 10.0**exponent
        first, last = math.ceil(low / step), math.floor(high / step)
        middle = min(max(round((low + high) / 2 / step), first), last)
        # Read from its digits, which a product of floats would not give.
        number = float(f"{middle}e{exponent}")
        if first <= last and low <= number <= high:
            return number
    return low
