"""Who acts in the scripted year: one proposes, two approve, one oversees, departments and senders report."""

from serving.access.roles import Actor, Role


def _person(name: str, *roles: Role) -> Actor:
    return Actor(name, frozenset(roles), "token", frozenset({name}))


ANN = _person("ann", Role.ANALYST)
BOB, CARL = _person("bob", Role.APPROVER), _person("carl", Role.APPROVER)
DORA = _person("dora", Role.SUPERVISOR)
BANK = _person("bank", Role.SERVICE)
