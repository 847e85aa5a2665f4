"""Reading a request's body: only of the media types asked for, only so much of it, only for so long."""

import asyncio
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request

from serving.refusal import Refusal

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MAX_BODY = 8 * 1024 * 1024
# What comes beyond the cap is thrown away up to so many times as much, so that a caller who sends first and
# reads afterwards gets the refusal rather than a broken connection; who sends more than this is cut off.
_DISCARDED = 8
_SECONDS = 30.0


async def read_body(request: Request, *, media_types: Sequence[str] = (JSON,), most: int = MAX_BODY) -> bytes:
    """Return the body of a request with one of some media types, by default JSON.

    Raises:
        Refusal: 415 for another media type, charset or a compressed body; 413 when the body grows beyond
            `most` bytes, by its declared length or as it comes; 408 when it takes too long; 400 when cut.
    """
    _check_media_type(request, media_types)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _read(request, most)
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {_SECONDS:g} seconds", "body") from None
    except ClientDisconnect:
        raise Refusal(400, "the body was cut off", "body") from None


def media_type_of(request: Request) -> str:
    """Return the media type that a request says its body has, without parameters."""
    return request.headers.get("content-type", "").lower().partition(";")[0].strip()


def _check_media_type(request: Request, media_types: Sequence[str]) -> None:
    _, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [p.partition("=")[2].strip(' "') for p in parameters if p.strip().startswith("charset=")]
    if media_type_of(request) not in media_types or any(charset != "utf-8" for charset in charsets):
        raise Refusal(415, f"send Content-Type: {' or '.join(media_types)}, in UTF-8", "content-type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "send the body uncompressed", "content-encoding")


async def _read(request: Request, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            chunks.append(chunk)
            continue
        chunks.clear()
        if size > _DISCARDED * most:
            break
    if size > most:
        raise Refusal(413, f"the body is larger than {_shown(most)}", "body")
    return b"".join(chunks)


def _shown(size: int) -> str:
    """Return a size, and for what is meant for customers what to do."""
    return f"{size // 1024**2} MB; send fewer customers" if size >= 1024**2 else f"{size // 1024} KB"
