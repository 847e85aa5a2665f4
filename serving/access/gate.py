"""The gate: who calls, by an API key or a token in the header Authorization, and whether they may."""

from starlette.requests import Request

from serving.access.api_keys import authenticate_key, is_key
from serving.access.matrix import roles_for
from serving.access.roles import Actor
from serving.access.tokens import TokenVerifier
from serving.refusal import Refusal
from serving.store.store import Store


class Gate:
    """Lets callers through to a route, or refuses them."""

    def __init__(self, store: Store, tokens: TokenVerifier | None) -> None:
        self._store, self._tokens = store, tokens

    def admit(self, request: Request, method: str, path: str) -> Actor | None:
        """Return who calls a route; None where the route is open to anybody.

        Raises:
            Refusal: 401 for a caller who is not known, 403 for one whose roles do not allow it.
        """
        roles = roles_for(method, path)
        if roles is None:
            return None
        actor = self._caller(request.headers.get("authorization", ""))
        if actor is None:
            raise Refusal(
                401, "send Authorization: Bearer with an API key or a token that is valid", "authorization"
            )
        if not actor.may(roles):
            raise Refusal(403, f"needs one of the roles {', '.join(sorted(roles))}", "authorization")
        return actor

    def _caller(self, header: str) -> Actor | None:
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer" or not credential:
            return None
        if is_key(credential):
            with self._store.reading() as connection:
                return authenticate_key(connection, credential)
        return None if self._tokens is None else self._tokens.authenticate(credential)
