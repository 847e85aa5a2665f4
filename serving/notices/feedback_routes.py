"""The routes behind a customer's link: open to whoever bears it, and the same to everybody else."""

import json
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from features.terms import Language, Text
from serving.body import FORM, JSON, media_type_of, read_body
from serving.notices import feedback_page as page
from serving.notices.feedback import (
    LONGEST_OBJECTION,
    REFERENCE_LENGTH,
    SATISFACTION,
    Answered,
    AnsweredOften,
    AnsweredOtherwise,
    UnknownLink,
    is_new,
    linked,
    receipt_of,
    receive,
)
from serving.notices.links import notice_of_link
from serving.notices.requests import FeedbackRequest
from serving.notices.wording import filled, same
from serving.refusal import Refusal
from serving.request_fields import fields, read_request
from serving.reviews.office import Office

FEEDBACK_PATH = "/v1/feedback/{token}"
FEEDBACK_ROUTES = (("GET", FEEDBACK_PATH), ("POST", FEEDBACK_PATH))
MAX_ANSWER = 64 * 1024
_FIELDS = ("satisfaction", "objection")
# Marks that turn the direction of writing, by which a text can be made to read as another.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class _Wrong(ValueError):
    """An answer is not one: what its field must be."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class FeedbackDesk:
    """Shows the page and takes answers, from a browser's form or as JSON."""

    def __init__(self, office: Office) -> None:
        self._office, self._store = office, office.store

    async def hear(self, request: Request, in_thread: InThread) -> Response:
        """Answer a request to one of FEEDBACK_ROUTES; whatever uses the store is done `in_thread`.

        Raises:
            Refusal: what is sent is too large, too slow, or of another media type; of JSON also whatever
                else is wrong.
        """
        token = str(request.path_params["token"])
        as_json = request.method == "POST" and media_type_of(request) == JSON
        try:
            # Forged links do not reach the store.
            if notice_of_link(self._store.keyring, token, self._store.clock()) is None:
                raise UnknownLink
            if request.method != "POST":
                language, about = await in_thread(lambda: self._about(token))
                return _html(page.form(_chosen(request) or language, about))
            body = await read_body(request, media_types=(FORM, JSON), most=MAX_ANSWER)
            return await self._take(request, token, body, as_json, in_thread)
        except UnknownLink:
            if as_json:
                raise Refusal(404, page.UNKNOWN.en.lower().rstrip("."), "path") from None
            return _html(page.unknown(), 404)

    async def _take(
        self, request: Request, token: str, body: bytes, as_json: bool, in_thread: InThread
    ) -> Response:
        # An unknown link is one whatever is sent to it.
        await in_thread(lambda: self._about(token))
        status, told, objected = 200, page.THANKS, False
        try:
            answered = read_answer(_json_fields(body) if as_json else _form_fields(body))
            objected = answered.objection is not None
            await in_thread(lambda: self._keep(token, answered))
        except (_Wrong, AnsweredOtherwise, AnsweredOften) as error:
            status, told, field = _refused(error)
            if as_json:
                raise Refusal(status, str(error), field) from None
        language, about = await in_thread(lambda: self._about(token))
        language = _chosen(request) or language
        if as_json:
            objection = {"reference": about.reference, "decided_by": about.due} if objected else {}
            return Response(json.dumps({"received": True, **objection}), 200, page.HEADERS, JSON)
        if status == 422:
            return _html(page.form(language, about, told=told), status)
        return _html(page.message(language, about, told, objected=objected), status)

    def _about(self, token: str) -> tuple[Language, page.About]:
        """Return the customer's language, and what the page says of the notice.

        Raises:
            UnknownLink: the link leads nowhere.
        """
        rules, now = self._office.procedure.notices, self._store.clock()
        zone = ZoneInfo(rules.time_zone)
        with self._store.reading() as connection:
            found = linked(connection, self._store.keyring, token, now)
            receipt = receipt_of(connection, found.notice)
        due = None if receipt is None or receipt.due_at is None else receipt.due_at
        return found.language or rules.language, page.About(
            company=rules.company_name,
            given=_day(found.given_at, zone),
            notice=found.notice[:REFERENCE_LENGTH],
            changed=_day(found.changed_at, zone),
            until=None if found.until is None else _moment(found.until, zone),
            decided_by=_day(now + timedelta(days=rules.objection_days), zone),
            reference=None if receipt is None else receipt.reference,
            # A day that has passed is no promise.
            due=None if due is None or due < now else _day(due, zone),
        )

    def _keep(self, token: str, answered: Answered) -> None:
        at = self._store.clock()
        with self._store.reading() as connection:
            if not is_new(connection, self._store.keyring, token, at, answered):
                return
        with self._store.writing("link") as writing:
            receive(writing, self._office, token, answered)


def _refused(error: _Wrong | AnsweredOtherwise | AnsweredOften) -> tuple[int, Text, str]:
    """Return the status of an answer that is not taken, what the page says, and the field."""
    match error:
        case AnsweredOtherwise():
            return 409, page.BEFORE, "objection"
        case AnsweredOften():
            return 409, page.OFTEN, "satisfaction"
        case _Wrong():
            return 422, filled(page.WRONG, most=same(str(LONGEST_OBJECTION))), error.field


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat()


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment to the minute, with its distance from UTC, such as 2027-03-31 12:00 (UTC+08:00)."""
    there = at.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M} (UTC{there.isoformat()[-6:]})"


def read_answer(fields: Mapping[str, str]) -> Answered:
    """Return an answer from its fields; what is empty was left out.

    Raises:
        ValueError: the satisfaction is none, the objection is too long, or both were left out.
    """
    satisfaction, objection = fields.get("satisfaction", ""), cleaned(fields.get("objection", ""))
    if satisfaction not in ("", *map(str, SATISFACTION)):
        raise _Wrong("satisfaction", f"must be {SATISFACTION[0]} to {SATISFACTION[-1]}")
    if len(objection) > LONGEST_OBJECTION:
        raise _Wrong("objection", f"must have at most {LONGEST_OBJECTION} characters")
    if not satisfaction and not objection:
        raise _Wrong("body", "give satisfaction, objection or both")
    return Answered(int(satisfaction) if satisfaction else None, objection or None)


def cleaned(text: str) -> str:
    """Return a text that can be shown: without control characters and marks that turn the writing."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        character
        if character in "\n\t"
        or (unicodedata.category(character) not in ("Cc", "Cs") and character not in _TURNING)
        else " "
        for character in lines
    ).strip()


def _form_fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError:
        raise _Wrong("body", "must be a form in UTF-8") from None
    return {name: values[0] for name, values in pairs.items() if name in _FIELDS}


def _json_fields(body: bytes) -> dict[str, str]:
    told = read_request(FeedbackRequest, fields(body))
    satisfaction = "" if told.satisfaction is None else str(told.satisfaction)
    return {"satisfaction": satisfaction, "objection": told.objection or ""}


def _chosen(request: Request) -> Language | None:
    """Return the language that the page's own links ask for."""
    asked = request.query_params.get("language")
    return next((language for language in Language if language == asked), None)


def _html(content: str, status: int = 200) -> Response:
    return Response(content, status, page.HEADERS, "text/html")
