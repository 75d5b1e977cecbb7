"""The admin API: faults begun, looked at and ended, and what was counted.

HTTP and JSON on a Unix socket in the state directory, for root and the user who serves:

    GET    /faults          those that are active, and the last that ended
    POST   /faults          begin one; the options of `mooring vcn fault add` as fields
    DELETE /faults          end all
    DELETE /faults/{id}     end one
    GET    /stats           how many requests of each operation were answered, and how
"""

import json
import logging
from collections import Counter
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mooring.adapters.adminsocket import is_welcome
from mooring.core.vcn.faults.shown import shown
from mooring.core.vcn.faults.words import Unread
from mooring.localvcn.cloud import Cloud
from mooring.localvcn.http import PEER, cut

log = logging.getLogger(__name__)

LIMIT = 64 * 1024
OTHER = "(other)"  # what has no operation's name


@dataclass(frozen=True, slots=True)
class Told:
    """A status and the JSON that goes with it."""

    status: int
    body: object = None


class Admin:
    """The ASGI application behind the admin socket."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a peer who may ask."""
        if scope["type"] != "http":
            return
        if not is_welcome(scope["state"][PEER]):
            log.warning("admin peer turned away")
            await cut(scope, receive)
            return
        try:
            told = await self._answer(Request(scope, receive))
        except Unread as why:
            told = Told(400, {"code": "InvalidParameter", "message": str(why)})
        except ClientDisconnect:
            return
        method, path = scope["method"], scope["path"]
        log.info("admin %s %s %d", method, path, told.status)
        body = b"" if told.body is None else json.dumps(told.body).encode()
        headers = {"content-type": "application/json"}
        await Response(body, told.status, headers)(scope, receive, send)

    async def _answer(self, http: Request) -> Told:
        first, *rest = http.url.path.strip("/").split("/")
        match (http.method, first, rest):
            case ("GET", "faults", []):
                return Told(200, self._faults())
            case ("POST", "faults", []):
                return Told(200, self._begin(await _object(http)))
            case ("DELETE", "faults", []):
                names = [fault.id for fault in self._cloud.desk.faults.active]
                return Told(200, {"ended": [n for n in names if self._cloud.end(n)]})
            case ("DELETE", "faults", [*names]):
                return self._end("/".join(names))
            case ("GET", "stats", []):
                return Told(200, self._stats())
            case _:
                return _missing(f"There is nothing at {http.method} {http.url.path}.")

    def _faults(self) -> object:
        desk = self._cloud.desk
        desk.expire(desk.wall())
        faults = desk.faults
        return {
            "faults": [shown(fault) for fault in faults.active],
            "ended": [shown(fault) for fault in faults.ended],
        }

    def _begin(self, words: dict[str, object]) -> object:
        fault = self._cloud.begin(words)
        log.info("fault %s %s %s", fault.id, fault.kind, fault.operation)
        return shown(fault)

    def _end(self, name: str) -> Told:
        if self._cloud.end(name):
            return Told(200, {"ended": [name]})
        active = [fault.id for fault in self._cloud.desk.faults.active]
        known = f"active are {', '.join(active)}" if active else "none is active"
        return _missing(f"{name[:100]!r} is no active fault; {known}.")

    def _stats(self) -> object:
        desk = self._cloud.desk
        operations: dict[str, dict[str, int]] = {}
        for (name, status), count in sorted(desk.counts.items()):
            operations.setdefault(name or OTHER, {})[status] = count
        statuses: Counter[str] = Counter()
        for (_, status), count in desk.counts.items():
            statuses[status] += count
        return {
            "since": desk.began.isoformat(),
            "requests": statuses.total(),
            "statuses": dict(sorted(statuses.items())),
            "operations": operations,
        }


def _missing(message: str) -> Told:
    return Told(404, {"code": "NotFound", "message": message})


async def _object(http: Request) -> dict[str, object]:
    """Read a bounded JSON object."""
    chunks = b""
    async for chunk in http.stream():
        chunks += chunk
        if len(chunks) > LIMIT:
            raise Unread(f"the body is longer than {LIMIT} bytes")
    try:
        found = json.loads(chunks)
    except (ValueError, RecursionError) as error:
        raise Unread(f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Unread("the body must be a JSON object")
    return found
