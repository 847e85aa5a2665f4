"""What hangs together: members of common units, through others or not."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def linked(members: NDArray[np.object_], units: NDArray[np.object_]) -> NDArray[np.int64]:
    """Number n pairs of a member and a unit so that those that hang together have the same number.

    Two pairs do if they have a member or a unit in common, or if a chain of such pairs leads from one to the
    other.

    Args:
        members: shape (n,).
        units: shape (n,), None where the member is in none.

    Returns:
        Shape (n,): 0, 1, … in the order in which the numbers first appear.
    """
    of_members, names = pd.factorize(members)
    of_units, known = pd.factorize(units)  # None is −1
    inside = of_units >= 0
    nodes = len(names) + len(known)
    links = coo_array(
        (np.ones(int(np.sum(inside)), dtype=np.int8), (of_members[inside], of_units[inside] + len(names))),
        shape=(nodes, nodes),
    )
    _, labels = connected_components(links, directed=False)
    numbers: NDArray[np.int64] = pd.factorize(labels[of_members])[0].astype(np.int64)
    return numbers
