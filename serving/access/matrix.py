"""Which roles may call which route: data, from which the routes themselves are made."""

from dataclasses import dataclass

from serving.access.roles import Role

_ANYBODY_KNOWN = frozenset(Role)
_READERS = frozenset({Role.ANALYST, Role.APPROVER, Role.SUPERVISOR})
_WORKERS = frozenset({Role.ANALYST, Role.APPROVER})
_APPROVERS = frozenset({Role.APPROVER})
_SUPERVISORS = frozenset({Role.SUPERVISOR})
# Management answers for what the figures say; single persons are named to supervisors alone.
_OVERSEERS = _SUPERVISORS | _APPROVERS


@dataclass(frozen=True)
class Access:
    """One route and who may call it; `roles` is None for what is open to anybody."""

    method: str
    path: str
    roles: frozenset[Role] | None


ACCESS = (
    Access("GET", "/", None),
    Access("GET", "/docs.json", None),
    Access("GET", "/livez", None),
    Access("GET", "/readyz", None),
    Access("POST", "/v1/score", frozenset({Role.SERVICE, Role.ANALYST, Role.APPROVER})),
    Access("POST", "/v1/next-tier", frozenset({Role.SERVICE, Role.ANALYST, Role.APPROVER})),
    Access("GET", "/v1/catalog", _ANYBODY_KNOWN),
    Access("GET", "/metrics", frozenset({Role.SERVICE, Role.SUPERVISOR, Role.ADMIN})),
    Access("POST", "/v1/events", frozenset({Role.SERVICE, Role.ANALYST})),
    Access("GET", "/v1/customers/{customer_id}/tier", frozenset({Role.SERVICE}) | _READERS),
    Access("POST", "/v1/customers/{customer_id}/particulars", frozenset({Role.SERVICE, Role.ANALYST})),
    Access("GET", "/v1/cases", _READERS),
    Access("POST", "/v1/cases", _WORKERS),
    Access("GET", "/v1/cases/{case}", _READERS),
    Access("POST", "/v1/cases/{case}/requests", _WORKERS),
    Access("POST", "/v1/requests/{request}/answer", _WORKERS),
    Access("POST", "/v1/cases/{case}/propose", _WORKERS),
    Access("POST", "/v1/cases/{case}/pull-out", _WORKERS),
    Access("POST", "/v1/cases/{case}/approve", _APPROVERS),
    Access("POST", "/v1/cases/{case}/reject", _APPROVERS),
    Access("POST", "/v1/cases/{case}/withdraw", _WORKERS),
    Access("GET", "/v1/decisions/{decision}", _READERS),
    Access("GET", "/v1/tasks", _READERS),
    Access("GET", "/v1/tasks/{task}", _READERS),
    Access("POST", "/v1/tasks/{task}/done", _WORKERS),
    Access("GET", "/v1/lists/{list}", frozenset({Role.SERVICE}) | _READERS),
    Access("GET", "/v1/customers/{customer_id}/tasks", _READERS),
    Access("POST", "/v1/customers/{customer_id}/limit-check", frozenset({Role.SERVICE}) | _WORKERS),
    Access("GET", "/v1/customers/{customer_id}/limit-checks", _READERS),
    Access("POST", "/v1/customers/{customer_id}/overdue", frozenset({Role.SERVICE, Role.ANALYST})),
    Access("GET", "/v1/customers/{customer_id}/overdue", _READERS),
    # Whoever bears the link that a notice had.
    Access("GET", "/v1/feedback/{token}", None),
    Access("POST", "/v1/feedback/{token}", None),
    Access("GET", "/v1/supervision", _OVERSEERS),
    Access("GET", "/v1/inspections", _OVERSEERS),
    Access("POST", "/v1/inspections", _SUPERVISORS),
    Access("POST", "/v1/inspections/{item}/finding", _SUPERVISORS),
    Access("POST", "/v1/inspections/{item}/remedied", _SUPERVISORS),
    Access("GET", "/v1/adoptions", _ANYBODY_KNOWN),
)
"""Every route of a service with a store. Without one, scoring alone is served, and nobody is asked."""


def roles_for(method: str, path: str) -> frozenset[Role] | None:
    """Return who may call a route.

    Raises:
        KeyError: it is not in the matrix, and hence must not be served.
    """
    for access in ACCESS:
        if (access.method, access.path) == (method, path):
            return access.roles
    raise KeyError(f"{method} {path} is not in the matrix of roles")
