"""The network configuration of a call: which keys it may have, and what they must be."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import Fields, show
from mooring.core.cni.request import NetConf
from mooring.core.cni.versions import SUPPORTED

IDENTIFIER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""Network names, and container ids."""

KEYS = frozenset(
    {
        "args",
        "capabilities",
        "cniVersion",
        "cniVersions",
        "disableCheck",
        "disableGC",
        "dns",
        "ipMasq",
        "ipam",
        "loadOnlyInlinedPlugins",
        "name",
        "prevResult",
        "runtimeConfig",
        "type",
    }
)
"""What the specification, runtimes and chains put into a plugin's configuration."""

RUNTIME_KEYS = "cni.dev/"
"""The prefix of keys that runtimes invent."""

DEPTH = 4
"""The deepest of the records below, ipRanges, is a list of lists of objects."""

RECORDS = frozenset({"portmappings", "bandwidth", "dns", "ipranges"})
"""Capabilities whose fields have fixed names, which containerd capitalises.

The others are lists, or maps with the user's own keys, which keep their case.
"""

WISHES = ("ips", "ipranges", "mac")
"""Capabilities that choose what the pool or the pod's name decide: nobody gets them here."""


def network(document: Mapping[str, Any], *, strict: bool) -> NetConf:
    """Read the configuration; when not `strict`, forgive what DEL does not need."""
    fields = Fields(document, "", Code.INVALID_CONFIG)
    version = fields.text("cniVersion")
    if version not in SUPPORTED:
        spoken = ", ".join(SUPPORTED)
        unspoken = Fields(document, "", Code.INCOMPATIBLE_VERSION)
        raise unspoken.wrong("cniVersion", f"must be one of {spoken}")
    name = fields.text("name")
    if not IDENTIFIER.fullmatch(name):
        raise fields.wrong("name", f"must match {IDENTIFIER.pattern}")
    if strict:
        if not fields.text("type"):
            raise fields.wrong("type", "must be the name of a plugin")
        refuse_unknown(document)
        fields.child("prevResult")
    return NetConf(
        cni_version=version,
        name=name,
        type=_if_text(document.get("type")),
        prev_result=_if_object(document.get("prevResult")) or None,
        capabilities=_capabilities(document, strict=strict),
        raw=document,
    )


def refuse_unknown(document: Mapping[str, Any]) -> None:
    """Refuse a key that nobody reads: it is a mistake, or a wish we cannot grant."""
    for key, value in document.items():
        if key in KEYS or key.startswith(RUNTIME_KEYS):
            continue
        near = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CniError(
            Code.UNSUPPORTED_FIELD, f"{show(key)}: {show(value)}: no such key{hint}"
        )


def _capabilities(document: Mapping[str, Any], *, strict: bool) -> Mapping[str, Any]:
    """Read runtimeConfig with the names of capabilities, and their fields, lower-cased."""
    given = document.get("runtimeConfig")
    if not isinstance(given, Mapping):
        if strict:
            Fields(document, "", Code.INVALID_CONFIG).child("runtimeConfig")
        return {}
    read = {
        key.lower(): _lowered(value) if key.lower() in RECORDS else value
        for key, value in given.items()
        if value is not None
    }
    for wish in WISHES:
        if strict and read.get(wish):
            raise CniError(
                Code.UNSUPPORTED_FIELD,
                f"runtimeConfig.{wish}: {show(read[wish])}: cannot be chosen; the"
                " address comes from the VNIC's pool",
            )
    return read


def _lowered(value: object, depth: int = DEPTH) -> object:
    """Lower-case the names of fields; a field that is null is dropped."""
    if depth == 0:
        return value
    if isinstance(value, list):
        return [_lowered(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        return {
            str(key).lower(): _lowered(item, depth - 1)
            for key, item in value.items()
            if item is not None
        }
    return value


def _if_object(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _if_text(value: object) -> str:
    return value if isinstance(value, str) else ""
