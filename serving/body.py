"""Reading a request's body: only plain JSON, only so much of it, only for so long."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from serving.refusal import Refusal

MAX_BODY = 8 * 1024 * 1024
# What comes beyond the cap is thrown away up to here, so that a caller who sends first and reads afterwards
# gets the refusal rather than a broken connection; who sends more than this is cut off.
_MAX_DISCARDED = 8 * MAX_BODY
_SECONDS = 30.0


async def read_body(request: Request) -> bytes:
    """Return the body of a request with a JSON media type.

    Raises:
        Refusal: 415 for another media type, charset or a compressed body; 413 when the body grows beyond
            MAX_BODY, by its declared length or as it comes; 408 when it takes too long; 400 when it is cut.
    """
    _check_media_type(request)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _read(request)
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {_SECONDS:g} seconds", "body") from None
    except ClientDisconnect:
        raise Refusal(400, "the body was cut off", "body") from None


def _check_media_type(request: Request) -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [p.partition("=")[2].strip(' "') for p in parameters if p.strip().startswith("charset=")]
    if media_type.strip() != "application/json" or any(charset != "utf-8" for charset in charsets):
        raise Refusal(415, "send Content-Type: application/json, in UTF-8", "content-type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "send the body uncompressed", "content-encoding")


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
            continue
        chunks.clear()
        if size > _MAX_DISCARDED:
            break
    if size > MAX_BODY:
        raise Refusal(413, f"the body is larger than {MAX_BODY // 1024**2} MB; send fewer customers", "body")
    return b"".join(chunks)
