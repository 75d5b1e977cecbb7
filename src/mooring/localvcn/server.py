"""The cloud's door: HTTP in, a value to core, a value back, HTTP out.

Whatever the path, the way is the same: read a bounded body, ask who signed it, let
`Cloud` answer. A line per request goes to the log, with the precise reason of a refused
signature; neither bodies nor signatures do.
"""

import asyncio
import json
import logging
import re
import time
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import formatdate

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mooring.adapters.journal import JournalError
from mooring.core.vcn.api import signing
from mooring.core.vcn.api.requests import Reply, Request
from mooring.core.vcn.faults.decide import Asked, Effect
from mooring.core.vcn.faults.names import called
from mooring.core.vcn.iam.principal import Principal
from mooring.localvcn.cloud import Cloud
from mooring.localvcn.desk import LOST, Chance
from mooring.localvcn.federation import Federation
from mooring.localvcn.http import cut
from mooring.localvcn.keys import Keys

log = logging.getLogger(__name__)

LIMIT = 1024 * 1024
HEADERS = 32 * 1024
PATIENCE = 60.0  # seconds that a client has to take its answer
REQUEST_ID = "opc-request-id"
ENTROPY = 32

JSON_TYPE = "application/json"

_SPEAKABLE = re.compile(r"[A-Za-z0-9/_.:-]{1,200}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and what only the log is told; `lost` ends the connection in its place."""

    reply: Reply
    why: str = ""
    lost: bool = False


CUT = Answer(Reply(status=0), "a fault cut the connection", lost=True)


class Server:
    """The ASGI application: one door for every path."""

    def __init__(
        self,
        cloud: Cloud,
        keys: Keys,
        chance: Chance,
        federation: Federation | None = None,
    ) -> None:
        self._cloud = cloud
        self._keys = keys
        self._chance = chance
        self._federation = federation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never lets an exception reach the client as such."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        http = HttpRequest(scope, receive)
        request_id = self._request_id(http.headers.get(REQUEST_ID, ""))
        try:
            answer = await self._answer(http, request_id)
        except ClientDisconnect:
            return
        except JournalError as error:
            answer = _error(500, "InternalServerError", "Not kept.", str(error))
        except Exception:
            log.exception("request failed opc-request-id=%s", request_id)
            answer = _error(500, "InternalServerError", "An internal error occurred.")
        status = LOST if answer.lost else str(answer.reply.status)
        self._cloud.desk.count(called(scope["method"], scope["path"]), status)
        # before it goes out: who has the answer finds its line
        log.info(
            "%s %s %s %.1fms %s=%s%s",
            scope["method"],
            _target(scope).partition("?")[0],
            status,
            (time.perf_counter() - began) * 1000,
            REQUEST_ID,
            request_id,
            f" why={answer.why!r}" if answer.why else "",
        )
        await _send(answer, request_id, (scope, receive, send))

    async def _answer(self, http: HttpRequest, request_id: str) -> Answer:
        if sum(len(n) + len(v) for n, v in http.scope["headers"]) > HEADERS:
            message = f"The headers are longer than {HEADERS} bytes."
            return _error(431, "RequestHeaderFieldsTooLarge", message)
        body = await _body(http)
        if body is None:
            return _error(
                413, "RequestEntityTooLarge", f"The body is longer than {LIMIT} bytes."
            )
        now = self._chance.wall()
        asked = Asked(
            operation=called(http.method, http.scope["path"]),
            now=now,
            entropy=self._chance.draw(ENTROPY),
        )
        if stopped := _stopped(self._cloud.desk.door(asked)):
            return stopped
        headers = {name: ", ".join(http.headers.getlist(name)) for name in http.headers}
        received = signing.Received(http.method, _target(http.scope), headers, body)
        caller = self._believed(received, now)
        if isinstance(caller, Answer):
            return caller
        kind = headers.get("content-type", "")
        if body and kind.partition(";")[0].strip().lower() != JSON_TYPE:
            message = f"content-type {json.dumps(kind[:100])} must be {JSON_TYPE}."
            return _error(400, "CannotParseRequest", message)
        request = Request(
            method=http.method,
            path=http.scope["path"],
            query=dict(http.query_params),
            headers={**headers, REQUEST_ID: request_id},
            # only the methods with a body have it signed
            body=body if http.method in signing.WITH_BODY else b"",
            principal=caller.id,
            caller=caller,
            now=now,
            entropy=asked.entropy,
        )
        return await self._struck(request, replace(asked, caller=caller.id))

    def _believed(
        self, received: signing.Received, now: datetime
    ) -> Principal | Answer:
        """Tell who calls, or answer at the door: with a token, or that nobody is believed."""
        if self._federation is not None and self._federation.is_asked(received):
            return _told(self._federation.answer(received, now))
        caller = signing.authenticate(
            received, now, lambda name: self._keys.holder(name, now)
        )
        return _told(caller) if isinstance(caller, signing.Refused) else caller

    async def _struck(self, request: Request, asked: Asked) -> Answer:
        """Let the cloud answer, as far as budgets and faults let it."""
        effect = self._cloud.desk.call(asked)
        if effect.delay:
            await asyncio.sleep(effect.delay.total_seconds())
            request = replace(request, now=self._chance.wall())
        if stopped := _stopped(effect):
            return stopped
        reply = await self._cloud.answer(request)
        if effect.lost:
            return Answer(reply, f"a fault lost the answer {reply.status}", lost=True)
        return Answer(reply)

    def _request_id(self, given: str) -> str:
        """Name the request by the client's word for it, or else by ours."""
        if _SPEAKABLE.fullmatch(given):
            return given
        return self._chance.draw(16).hex().upper()


def _stopped(effect: Effect) -> Answer | None:
    """Give the answer of a request that a fault lets go no further."""
    if effect.cut:
        return CUT
    if effect.reply is None:
        return None
    return Answer(effect.reply, "a fault or budget")


def _told(said: Reply | signing.Refused) -> Answer:
    """Give an answer at the door; who is not believed is told no more than the cloud tells."""
    if isinstance(said, signing.Refused):
        return _error(signing.STATUS, signing.CODE, said.message, said.why)
    return Answer(said)


async def _send(
    answer: Answer, request_id: str, ends: tuple[Scope, Receive, Send]
) -> None:
    """Send an answer to a client that takes it in time, or end the connection."""
    scope, receive, send = ends
    if answer.lost:
        await cut(scope, receive)
        return
    reply = answer.reply
    headers = {
        "date": formatdate(usegmt=True),
        **reply.headers,
        REQUEST_ID: request_id,
    }
    try:
        async with asyncio.timeout(PATIENCE):
            await Response(reply.body, reply.status, headers)(scope, receive, send)
    except TimeoutError:
        await cut(scope, receive)


async def _body(http: HttpRequest) -> bytes | None:
    """Read what was sent; None as soon as it is more than we take."""
    stated = http.headers.get("content-length", "0")
    if not stated.isascii() or not stated.isdecimal() or int(stated) > LIMIT:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in http.stream():
        size += len(chunk)
        if size > LIMIT:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _target(scope: Scope) -> str:
    """Give path and query as they stood in the request line."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("latin-1")


def _error(status: int, code: str, message: str, why: str = "") -> Answer:
    body = json.dumps({"code": code, "message": message}).encode()
    headers = {"content-type": JSON_TYPE}
    return Answer(Reply(status=status, body=body, headers=headers), why)
