"""Drawing decisions at random so that anybody with the seed draws the same ones again."""

import hashlib
from collections.abc import Iterable, Mapping


def drawn(ids: Iterable[str], seed: int, size: int) -> list[str]:
    """Return so many ids at random, or all where there are fewer.

    Every id gets the hash of itself and the seed; those with the smallest are drawn. So each set of that size
    is as likely as any other, whatever the ids' order, and a larger sample holds the smaller ones.
    """

    def place(id_: str) -> bytes:
        return hashlib.sha256(f"{seed} {id_}".encode()).digest()

    return sorted(set(ids), key=place)[:size]


def drawn_by_stratum(strata: Mapping[str, Iterable[str]], seed: int, size: int) -> list[str]:
    """Return ids at random from strata in proportion to their sizes, of each that has any at least one.

    Places are given by largest remainders, ties to the stratum named first; then `drawn` within each.
    """
    members = {name: sorted(set(ids)) for name, ids in strata.items()}
    members = {name: ids for name, ids in members.items() if ids}
    whole = sum(len(ids) for ids in members.values())
    size = min(size, whole)
    if size < len(members):
        # Too few for one of each: then none is preferred.
        return drawn((id_ for ids in members.values() for id_ in ids), seed, size)
    spare = size - len(members)
    left = whole - len(members)
    exact = {name: spare * (len(ids) - 1) / left if left else 0.0 for name, ids in members.items()}
    places = {name: 1 + int(part) for name, part in exact.items()}
    remainders = sorted(exact, key=lambda name: int(exact[name]) - exact[name])
    for name in remainders[: size - sum(places.values())]:
        places[name] += 1
    return [id_ for name, ids in members.items() for id_ in drawn(ids, seed, places[name])]
