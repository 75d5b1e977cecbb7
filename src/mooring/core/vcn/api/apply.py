"""One call to the cloud, decided: `apply(world, request)` gives the world after it.

The way of a request: path to operation, retry token, path's id to object, body and query against
their tables, the policies, if-match, then the operation. What is wrong with body or query is not told
about an object that the caller may not see. Whoever refuses raises `Refusal`; then the world is the one
that came in. `settle` does what happens by itself.
"""

import json
import math
import re
from dataclasses import replace

from mooring.core.net.jsontext import written
from mooring.core.vcn.acts.work import HEADER as WORK_ID
from mooring.core.vcn.api.elsewhere import VERSION, name_elsewhere, segments
from mooring.core.vcn.api.errors import Refusal, invalid, not_built, not_found
from mooring.core.vcn.api.operation import Operation
from mooring.core.vcn.api.operations import methods
from mooring.core.vcn.api.permission import check_place, conceal, may_see, permit
from mooring.core.vcn.api.requests import Outcome, Reply, Request
from mooring.core.vcn.api.schema import Values, check, entries
from mooring.core.vcn.api.settle import settle
from mooring.core.vcn.api.turns import Answer, Call, Dice
from mooring.core.vcn.api.views import etag, render, view
from mooring.core.vcn.limits import LONGEST_TOKEN, TOKEN_LIFE
from mooring.core.vcn.model import Resource, WorkRequest
from mooring.core.vcn.model.tokens import RetryToken, digest, key
from mooring.core.vcn.rows import TOKEN, from_row
from mooring.core.vcn.world import World

__all__ = ["apply", "first", "settle"]

JSON_TYPE = "application/json"
WITH_TOKENS = ("POST", "PUT")  # whose retry tokens count; deleting twice does no harm
NO_CONTENT = 204
TOKENS_FORGOTTEN = 2  # per call that brings one: they cannot pile up
_REQUEST_ID = re.compile(r"[A-Za-z0-9/_.:-]{1,200}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def apply(world: World, request: Request) -> Outcome:
    """Answer a call; on any refusal the world is the same and nothing changes."""
    try:
        outcome = _answered(world, request)
    except Refusal as refusal:
        outcome = Outcome(world=world, reply=refusal.reply())
    reply = outcome.reply
    headers = {**reply.headers, "opc-request-id": _request_id(request)}
    if reply.body:
        headers["content-type"] = JSON_TYPE
    return Outcome(
        world=outcome.world,
        reply=Reply(status=reply.status, body=reply.body, headers=headers),
        changes=outcome.changes,
        repeats=outcome.repeats,
    )


def _request_id(request: Request) -> str:
    given = request.headers.get("opc-request-id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return Dice(request.entropy).roll("request").hex().upper()


def _answered(world: World, request: Request) -> Outcome:
    operation, id_ = _routed(request)
    token = _token(request)
    if token is not None and (before := _before(world, request, token)):
        return before
    target = None if operation.kind is None else world.find(operation.kind, id_)
    if operation.kind is not None and target is None:
        raise not_found(id_)
    call = Call(
        world=world,
        request=request,
        operation=operation.name,
        target=target,
        body=Values({}),
        query=Values({}),
    )
    call = _understood(call, operation)
    permit(call, id_)
    check_place(call)
    _check_match(request, target)
    answer = operation.act(call)
    return _outcome(call, answer, token)


def _understood(call: Call, operation: Operation) -> Call:
    """Hold body and query against their tables; who may not use the object hears of that alone."""
    try:
        body = _body(operation, call.request.body)
        return replace(
            call, body=body, query=check(operation.query, call.request.query)
        )
    except Refusal:
        conceal(call)
        raise


def _routed(request: Request) -> tuple[Operation, str]:
    """Find the operation of a path, and the id in it."""
    path = segments(request.path)
    known = methods(path)
    operation = known.get(request.method)
    if operation is not None:
        at = operation.id_at + 1  # behind the version
        return operation, path[at] if len(path) > at else ""
    name = name_elsewhere(request.method, path)
    if known and name is None:
        allowed = ", ".join(sorted(known))
        raise Refusal("MethodNotAllowed", f"{request.path[:200]} takes {allowed}.")
    if path[0] != VERSION and name is None:
        raise Refusal("NotFound", f"There is no operation at {request.path[:200]}.")
    raise not_built(name or f"{request.method[:20]} {request.path[:200]}")


def _token(request: Request) -> str | None:
    token = request.headers.get("opc-retry-token")
    if token is None or request.method not in WITH_TOKENS:
        return None
    if not 1 <= len(token) <= LONGEST_TOKEN:
        rule = f"must have 1 to {LONGEST_TOKEN} characters."
        raise invalid("opc-retry-token", token, rule)
    return token


def _before(world: World, request: Request, token: str) -> Outcome | None:
    """Answer a repeated request with what its first one made, as it is now."""
    found = world.tokens.get(key(request.principal, token))
    if found is None or found.expires <= request.now:
        return None
    made = world.get(found.made)
    if found.digest != _digest(request):
        message = f"The retry token {token!r} came with another request before."
        raise Refusal("InvalidatedRetryToken", message)
    if made is not None and not may_see(world, request.caller, made):
        raise not_found(found.made)
    if made is None:
        message = f"What the retry token {token!r} stands for is gone: {found.made}."
        raise Refusal("InvalidatedRetryToken", message)
    if isinstance(made, WorkRequest):
        reply = Reply(status=found.status, headers={WORK_ID: made.id})
        return Outcome(world=world, reply=reply, repeats=found)
    if found.status == NO_CONTENT:
        bare = Reply(status=found.status)
        return Outcome(world=world, reply=bare, repeats=found)
    shown = _shown(world, made, found.status)
    return Outcome(world=world, reply=shown, repeats=found)


def first(now: Reply, stored: str | None) -> Reply:
    """Give a repeated request the words of its first reply, from the token's stored row."""
    token = None if stored is None else from_row((TOKEN, "", stored))
    if not isinstance(token, RetryToken) or not (token.body or token.headers):
        return now  # written before the words were
    headers = {**now.headers, **{pair[0]: pair[1] for pair in token.headers}}
    return Reply(status=token.status, body=token.body.encode(), headers=headers)


def _digest(request: Request) -> str:
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    path = f"{request.path}?{query}" if query else request.path
    return digest(request.method, path, request.body)


def _check_match(request: Request, target: Resource | None) -> None:
    wanted = request.headers.get("if-match")
    if target is None or wanted is None or request.method == "GET":
        return
    if wanted.strip('"') not in ("*", etag(target)):
        message = f"The etag of {target.id} is {etag(target)}, not {wanted[:100]}."
        raise Refusal("NoEtagMatch", message)


def _body(operation: Operation, body: bytes) -> Values:
    if operation.body is None:
        return Values({})
    if operation.may_be_bare and not body:
        body = b"{}"
    try:
        text = body.decode()
        parsed = _READER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        message = f"The body is no JSON in UTF-8: {str(fault)[:200]}"
        raise Refusal("CannotParseRequest", message) from None
    return check(operation.body, entries("body", parsed))


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


_READER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def _outcome(call: Call, answer: Answer, token: str | None) -> Outcome:
    draft, request = answer.draft, call.request
    subject = None
    if answer.subject is not None:
        subject = draft.now(answer.subject)
        reply = _shown(draft.world, subject, answer.status)
    elif answer.shown is not None:
        body = written(render(draft.world, answer.shown))
        reply = Reply(status=answer.status, body=body)
    else:
        reply = Reply(status=answer.status)
    if answer.next_page is not None:
        reply = replace(reply, headers={"opc-next-page": answer.next_page})
    if answer.headers:
        reply = replace(reply, headers={**reply.headers, **answer.headers})
    made = _made(call, answer)
    if token is not None and made is not None:
        for old in draft.world.expired_tokens(request.now, TOKENS_FORGOTTEN):
            draft = draft.drop(old)
        draft = draft.put(
            RetryToken(
                key=key(request.principal, token),
                digest=_digest(request),
                made=made,
                status=answer.status,
                expires=request.now + TOKEN_LIFE,
                headers=tuple(reply.headers.items()),
                body=reply.body.decode(),
            )
        )
    return Outcome(world=draft.world, reply=reply, changes=draft.changes)


def _made(call: Call, answer: Answer) -> str | None:
    """Give the id that a retry token stands for: of what was made, of the work, or of what was changed."""
    if answer.subject is not None:
        return answer.subject.id
    changed = None if call.target is None else call.target.id
    return answer.headers.get(WORK_ID) or changed


def _shown(world: World, resource: Resource, status: int) -> Reply:
    body = written(view(world, resource))
    return Reply(status=status, body=body, headers={"etag": etag(resource)})
