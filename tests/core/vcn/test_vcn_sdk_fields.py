"""Every field of the SDK's bodies, given as what it is not, is refused by its name; no parameter is passed over."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sdk_calls
from core.vcn.test_vcn_sdk_fuzz import BODIES, FIELDS, WORLD, ask, places
from sdk_bodies import PARTS, constants, model_of, required, subtypes

from mooring.core.vcn.api.operations import OPERATIONS

Json = Any
Path = tuple[str | int, ...]
SDK = {(call.method, call.path): call for call in sdk_calls.calls().values()}
WRONG: dict[str, Json] = {
    "bool": "x",
    "datetime": 3,
    "float": "x",
    "int": "x",
    "list": "x",
    "str": 3,
}
FREE = ("object",)  # any JSON will do
ALSO = ("shape", "subnetId")  # optional to the SDK, not to the cloud
LISTS = re.compile(r"list\[(.*)\]")


def fields_of(model: type, seen: tuple[type, ...] = ()) -> Iterator[tuple[Path, Json]]:
    """Give every place in bodies of a model, and a body in which only that place is wrong."""
    for one in () if model in seen else subtypes(model):
        made = one()
        for name, kind in made.swagger_types.items():
            key = made.attribute_map[name]
            if getattr(made, name) is not None:
                continue  # a discriminator is always what it is
            yield (key,), {**least(one), key: wrong(kind)}
            inner = LISTS.fullmatch(kind)
            if inner and inner[1] not in FREE:
                yield (key, 0), {**least(one), key: [wrong(inner[1])]}
            part = inner[1] if inner else kind
            for path, value in (
                fields_of(PARTS[part], (*seen, model)) if part in PARTS else ()
            ):
                place: Path = (key, 0, *path) if inner else (key, *path)
                yield place, {**least(one), key: [value] if inner else value}


def wrong(kind: str) -> Json:
    """Give what is no value of a kind."""
    return WRONG.get(kind.partition("[")[0], "x")


def least(model: type) -> Json:
    """Give a body with what the model must have, and nothing else."""
    made = model()
    found = {}
    for name, kind in made.swagger_types.items():
        key = made.attribute_map[name]
        fixed = getattr(made, name)
        if fixed is not None:
            found[key] = fixed
        elif name in required(model) or key in ALSO:
            found[key] = good(key, kind, constants(model, name))
    return found


def good(key: str, kind: str, words: list[str]) -> Json:
    """Give a value of a field that could be right."""
    inner = LISTS.fullmatch(kind)
    if inner:
        return [good(key, inner[1], words)]
    if kind in PARTS:
        return least(subtypes(PARTS[kind])[0])
    return {"bool": True, "int": 1, "float": 1.0}.get(kind) or BODIES.texts(key, words)[
        0
    ]


def written(path: Path) -> str:
    """Give a place as messages name it."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)[1:]


def named(where: Path, status: int, said: str) -> bool:
    """Tell whether a refusal names a place, or a feature around it that is not there."""
    if status == 501:
        around = [written(where[: n + 1]) for n in range(len(where))]
        return said in [f"The local VCN does not have {one}." for one in around]
    return status == 400 and said.startswith(f"{written(where)} ")


@pytest.mark.parametrize(
    ("method", "path"), FIELDS, ids=[OPERATIONS[r].name for r in FIELDS]
)
def test_what_a_field_is_not_is_refused_by_its_name(method: str, path: str) -> None:
    call = SDK[method, sdk_calls.bare(path)]
    place = places(method, path)[0]
    query = {"action": "STOP"} if path == "/instances/{id}" else {}
    unread = []
    for where, body in fields_of(model_of(call.body)):
        outcome = ask(method, place, body, query)
        said = json.loads(outcome.reply.body or b"{}").get("message", "")
        assert outcome.world is WORLD or outcome.reply.status < 400
        if not named(where, outcome.reply.status, said):
            unread.append((written(where), outcome.reply.status, said))

    assert unread == []


@pytest.mark.parametrize(
    ("method", "path"), OPERATIONS, ids=[o.name for o in OPERATIONS.values()]
)
def test_no_parameter_of_the_sdk_is_passed_over(method: str, path: str) -> None:
    call = SDK[method, sdk_calls.bare(path)]

    assert set(call.query) - set(OPERATIONS[method, path].query) == set()
