"""Who acts: API keys and bearer tokens, and everything that is neither."""

import json
import time
import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from serving.access.api_keys import (
    MOST_DAYS,
    AccessError,
    authenticate_key,
    create_key,
    list_keys,
    revoke_key,
)
from serving.access.roles import Actor, Role, person_key
from serving.access.tokens import TokenError, TokenVerifier
from serving.store.instants import now
from serving.store.store import Store
from tests.stores import database_url, store

__all__ = ["database_url", "store"]

ISSUER, AUDIENCE = "https://idp.example", "tierwise"


def make_key(store: Store, owner: str = "ann", days: int = 30) -> str:
    with store.writing("admin") as writing:
        return create_key(writing, owner, [Role.ANALYST, Role.APPROVER], days)


def authenticated(store: Store, text: str, days_later: float = 0) -> Actor | None:
    with store.reading() as connection:
        return authenticate_key(connection, text, now() + timedelta(days=days_later))


def test_a_key_acts_for_its_owner_with_its_roles(store: Store) -> None:
    actor = authenticated(store, make_key(store))
    assert actor is not None
    assert (actor.name, actor.roles, actor.persons) == (
        "ann",
        frozenset({Role.ANALYST, Role.APPROVER}),
        frozenset({"ann"}),
    )
    assert actor.may(frozenset({Role.APPROVER}))
    assert not actor.may(frozenset({Role.ADMIN}))


def test_a_key_expires_and_can_be_revoked_once(store: Store) -> None:
    key = make_key(store, days=2)
    assert authenticated(store, key, 1.9) is not None
    assert authenticated(store, key, 2.01) is None
    id_ = key.split("_")[1]
    with store.writing("admin") as writing:
        revoke_key(writing, id_)
    assert authenticated(store, key) is None
    with pytest.raises(AccessError, match="revoked already"), store.writing("admin") as writing:
        revoke_key(writing, id_)


def test_a_key_is_stored_as_a_hash_and_is_not_in_the_audit_trail(store: Store, tmp_path: Path) -> None:
    key = make_key(store)
    secret = key.split("_", 2)[2]
    with store.reading() as connection:
        shown = repr(list_keys(connection))
        tables = [
            repr(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            for table in ("api_keys", "audit_entries")
        ]
    assert secret not in shown + "".join(tables)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=90) | st.from_regex(r"tw_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_what_is_no_key_authenticates_nobody(store: Store, text: str) -> None:
    assert authenticated(store, text) is None


def test_a_key_of_another_is_no_key(store: Store) -> None:
    one, other = make_key(store).split("_", 2), make_key(store, "bob").split("_", 2)
    assert authenticated(store, f"tw_{one[1]}_{other[2]}") is None
    assert authenticated(store, f"tw_{one[1]}_{one[2][:-1]}") is None


@pytest.mark.parametrize(
    ("owner", "roles", "days"),
    [("", [Role.ADMIN], 1), ("a b", [Role.ADMIN], 1), ("ann", [], 1), ("ann", [Role.ADMIN], 0),
     ("ann", [Role.ADMIN], MOST_DAYS + 1), ("x" * 201, [Role.ADMIN], 1)],
)  # fmt: skip
def test_a_key_without_owner_role_or_end_is_not_made(
    store: Store, owner: str, roles: list[Role], days: int
) -> None:
    with pytest.raises(AccessError), store.writing("admin") as writing:
        create_key(writing, owner, roles, days)


# Tokens

PRIVATE = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
OTHER = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
CURVE = ECKey.generate_key("P-256", parameters={"kid": "two"})


def public_keys(*keys: Any) -> Any:
    return {"keys": [key.as_dict(private=False) for key in keys]}


VERIFIER = TokenVerifier(KeySet.import_key_set(public_keys(PRIVATE, CURVE)), ISSUER, AUDIENCE)


def token(key: Any = PRIVATE, algorithm: str = "Ed25519", kid: str = "one", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60, "roles": ["analyst"],
    }  # fmt: skip
    claims |= changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": kid}, claims, key, algorithms=[algorithm])


def test_a_token_of_the_provider_acts_for_its_subject_with_the_roles_known_here() -> None:
    actor = VERIFIER.authenticate(token(roles=["analyst", "approver", "owner_of_everything"]))
    assert actor == Actor("ann", frozenset({Role.ANALYST, Role.APPROVER}), "token", frozenset({"ann"}))
    assert VERIFIER.authenticate(token(CURVE, "ES256", "two")) is not None


def test_with_a_delegation_both_stand_behind_the_act_and_the_one_who_acts_is_named() -> None:
    actor = VERIFIER.authenticate(token(act={"sub": "bob", "act": {"sub": "carl"}}))
    assert actor is not None
    assert (actor.name, actor.persons) == ("bob", frozenset({"ann", "bob", "carl"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"exp": None},
        {"exp": int(time.time()) - 3600}, {"exp": "soon"}, {"nbf": int(time.time()) + 3600}, {"sub": None},
        {"sub": 7}, {"sub": ""}, {"roles": None}, {"roles": "admin"}, {"act": "bob"}, {"act": {"sub": 1}},
        {"act": {}}, {"sub": "x" * 201}, {"pad": "x" * 9000},
        {"act": {"sub": "b", "act": {"sub": "c", "act": {"sub": "d", "act": {"sub": "e"}}}}},
    ],
    ids=range(19),
)  # fmt: skip
def test_a_token_of_others_for_others_or_out_of_date_authenticates_nobody(changes: dict[str, Any]) -> None:
    assert VERIFIER.authenticate(token(**changes)) is None


def test_a_token_signed_with_another_key_or_algorithm_authenticates_nobody() -> None:
    assert VERIFIER.authenticate(token(OTHER)) is None
    # The public key taken for a shared secret: the oldest forgery.
    secret = OctKey.import_key(json.dumps(PRIVATE.as_dict(private=False)))
    assert VERIFIER.authenticate(token(secret, "HS256")) is None
    _, payload, _ = token().split(".")
    assert VERIFIER.authenticate(f"eyJhbGciOiJub25lIn0.{payload}.") is None


@given(st.text(max_size=200) | st.binary(max_size=120).map(lambda raw: raw.hex() + ".e30."))
def test_what_is_no_token_authenticates_nobody(text: str) -> None:
    assert VERIFIER.authenticate(text) is None


@given(st.data())
def test_a_token_changed_anywhere_authenticates_nobody(data: st.DataObject) -> None:
    whole = token()
    place = data.draw(st.integers(0, len(whole) - 2))
    letter = data.draw(st.sampled_from("ABCDabcd0123-_."))
    changed = whole[:place] + letter + whole[place + 1 :]
    if changed != whole:
        assert VERIFIER.authenticate(changed) is None


@pytest.mark.parametrize(
    "content",
    ["", "{}", '{"keys": []}', '{"keys": [{"kty": "OKP"}]}', '{"keys": 1}',
     json.dumps({"keys": [PRIVATE.as_dict(private=True)]}),
     json.dumps({"keys": [OctKey.generate_key(256).as_dict(private=True)]}),
     json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=True)]})],
    ids=range(8),
)  # fmt: skip
def test_a_file_without_public_keys_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(TokenError) as caught:
        TokenVerifier.load(file, ISSUER, AUDIENCE)
    assert "\n" not in str(caught.value)
    file.write_text(json.dumps(public_keys(PRIVATE)))
    assert TokenVerifier.load(file, ISSUER, AUDIENCE).authenticate(token()) is not None


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=20))
def test_a_person_is_the_same_however_the_name_is_typed(name: str) -> None:
    key = person_key(name)
    assert person_key(key) == key
    for typed in (f" {name} ", name.casefold(), unicodedata.normalize("NFKC", name), f"{name}\u200b"):
        assert person_key(typed) == key
        assert Actor(typed, frozenset(), "key 1", frozenset({typed})).shares_a_person([name])


def test_other_persons_are_others() -> None:
    actor = Actor("ann", frozenset(), "key 1", frozenset({"ann", "Bob"}))
    assert not actor.shares_a_person(["anna", "carl"])
    assert actor.shares_a_person(["carl", "BOB"])
    assert person_key("\uff32oot") == person_key("root") != person_key("route")
