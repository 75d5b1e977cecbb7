"""Small changes of objects of others, as merge patches that lose nothing of theirs.

A list (taints, owner references) is replaced as a whole by a merge patch. So it is made from
the list that was read, whatever stands in it, and carries the version that was read: when
somebody changed the object meanwhile the server answers 409, and all begins anew.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mooring.core.kube import meta as metas
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import MOST_CONDITIONS, MOST_TAINTS, NodeCondition, Taint
from mooring.core.net.fields import Field

Patch = Mapping[str, Any]


def labelled(document: object, wanted: Mapping[str, str | None]) -> Patch | None:
    """Say how to come to these labels; None when all is so already."""
    here = metas.entity(document).at("metadata").at("labels").mapping()
    differ = _differ(here, wanted)
    return {"metadata": {"labels": differ}} if differ else None


def tainted(document: object, taint: Taint) -> Patch | None:
    """Say how to put a taint on a node; None when it is there."""
    found = _taints(document)
    if any(_is(t, taint.key, taint.effect) and _value(t) == taint.value for t in found):
        return None
    others = [t for t in found if not _is(t, taint.key, taint.effect)]
    made = {"key": taint.key, "effect": taint.effect}
    if taint.value:
        made["value"] = taint.value
    return _locked(document, {"spec": {"taints": [*others, made]}})


def untainted(document: object, key: str, effect: str = "") -> Patch | None:
    """Say how to take a taint off a node; None when there is none."""
    found = _taints(document)
    left = [taint for taint in found if not _is(taint, key, effect)]
    if len(left) == len(found):
        return None
    return _locked(document, {"spec": {"taints": left or None}})


def owned(document: object, owner: Owner) -> Patch | None:
    """Say how to give an object an owner; None when it has it. Other owners stay."""
    references = metas.entity(document).at("metadata").at("ownerReferences")
    found = _mappings(references.items(metas.MOST_OWNERS))
    if any(each.get("uid") == owner.uid for each in found):
        return None
    gone = {(owner.kind, owner.name)}  # the same name, made anew, is another object
    left = [each for each in found if (each.get("kind"), each.get("name")) not in gone]
    made: dict[str, Any] = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
    }
    if owner.controller:
        made["controller"] = True
    return _locked(document, {"metadata": {"ownerReferences": [*left, made]}})


def capacitated(document: object, amounts: Mapping[str, int | None]) -> Patch | None:
    """Say how to come to these extended resources in a node's status; None when they are."""
    field = metas.entity(document).at("status").at("capacity")
    wanted = {k: None if v is None else str(v) for k, v in amounts.items()}
    differ = _differ(field.mapping(), wanted)
    return {"status": {"capacity": differ}} if differ else None


def conditioned(document: object, wanted: NodeCondition, stamp: str) -> Patch | None:
    """Say how to put a node's condition; None when it says so already. Others' stay.

    `stamp` is the time. When the status changes, that is the time of the transition.
    """
    field = metas.entity(document).at("status").at("conditions")
    found = _mappings(field.items(MOST_CONDITIONS))
    before = next((c for c in found if c.get("type") == wanted.type), {})
    said = {
        "type": wanted.type,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message,
    }
    if not _differ(before, said):
        return None
    same = before.get("status") == wanted.status
    since = before.get("lastTransitionTime") if same else None
    made = {**said, "lastHeartbeatTime": stamp, "lastTransitionTime": since or stamp}
    others = [c for c in found if c.get("type") != wanted.type]
    return _locked(document, {"status": {"conditions": [*others, made]}})


def replaced(old: Mapping[str, Any], new: Mapping[str, Any]) -> Patch:
    """Say how to come from `old` to `new`: all of it, and null for what is no more."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        patch[key] = replaced(before or {}, value) if both else value
    return patch


def _differ(
    here: Mapping[str, Any], wanted: Mapping[str, str | None]
) -> dict[str, str | None]:
    return {key: value for key, value in wanted.items() if here.get(key) != value}


def _taints(document: object) -> list[Mapping[str, Any]]:
    spec = metas.entity(document).at("spec")
    return _mappings(spec.at("taints").items(MOST_TAINTS))


def _mappings(fields: Iterable[Field]) -> list[Mapping[str, Any]]:
    return [each.mapping() for each in fields]


def _is(taint: Mapping[str, Any], key: str, effect: str) -> bool:
    return taint.get("key") == key and effect in ("", taint.get("effect"))


def _value(taint: Mapping[str, Any]) -> object:
    return taint.get("value") or ""


def _locked(document: object, patch: dict[str, Any]) -> Patch:
    """Let the patch hold only for the version that was read."""
    version = metas.read(document).version
    return {
        **patch,
        "metadata": {**patch.get("metadata", {}), "resourceVersion": version},
    }
