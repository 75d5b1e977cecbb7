"""The network configuration of a call: which keys it may have, and what they must be."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import Fields, nearest, show
from mooring.core.cni.request import NetConf
from mooring.core.cni.result import NO_DNS, Dns
from mooring.core.cni.versions import SUPPORTED

IDENTIFIER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""Network names, and container ids."""

NAME_LONGEST = 80
"""Characters of a network's name.

An attachment stands in the alias of its link (255 bytes): with this the usual 64 characters of a
container's id, any interface's name and an address of each family always fit beside it.
"""

PLUGIN = re.compile(r"[^/\0]+")
"""What a plugin's executable may be called."""

VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")

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

WELL_KNOWN = frozenset(
    {
        "aliases",
        "bandwidth",
        "cgroupPath",
        "deviceID",
        "dns",
        "infinibandGUID",
        "io.kubernetes.cri.pod-annotations",
        "ipRanges",
        "ips",
        "mac",
        "portMappings",
    }
)
"""Capabilities of CNI's CONVENTIONS.md, and containerd's. A runtime may invent others."""

IN_ANY_CASE = frozenset(map(str.lower, WELL_KNOWN))
"""How they may come in `runtimeConfig`."""

SLIP = 0.8
"""So like a well-known capability is a slip of the pen: `portMaping` is, `mtu` is none."""

NO_CHOICE = "cannot be chosen; the address comes from the VNIC's pool"

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
        if fault := fault_of_length(name):
            raise fields.wrong("name", fault)
        _judge(fields)
    return NetConf(
        cni_version=version,
        name=name,
        type=_if_text(document.get("type")),
        prev_result=_if_object(document.get("prevResult")) or None,
        capabilities=_capabilities(document, strict=strict),
        dns=_dns(fields) if strict else NO_DNS,
        raw=document,
    )


def fault_of_length(name: str) -> str:
    """Say that a network's name is too long; "" if it is not."""
    if len(name) <= NAME_LONGEST:
        return ""
    return f"must have {NAME_LONGEST} characters at most, has {len(name)}"


def _judge(fields: Fields) -> None:
    """Refuse keys that nobody reads, and values that break the rule of their key."""
    if not PLUGIN.fullmatch(fields.text("type")):
        raise fields.wrong("type", "must be the name of a plugin")
    fields.refuse_others(KEYS, (RUNTIME_KEYS,))
    for key, rule in RULES.items():
        rule(fields, key)


def _switches(fields: Fields, key: str) -> None:
    each = fields.child(key)
    for name in each.names():
        if name not in WELL_KNOWN:
            _refuse_slip(each, name)
        each.truth(name)


def _wishes(fields: Fields, key: str) -> None:
    given = fields.child(key)
    for name in given.names():
        if name.lower() not in IN_ANY_CASE:
            _refuse_slip(given, name)


def _refuse_slip(fields: Fields, name: str) -> None:
    """Refuse what is nearly a well-known capability; another one is the runtime's affair."""
    if meant := nearest(name, WELL_KNOWN, SLIP):
        raise fields.unsupported(name, f"no such capability; did you mean {meant}?")


def _versions(fields: Fields, key: str) -> None:
    if not all(VERSION.fullmatch(version) for version in fields.texts(key)):
        raise fields.wrong(key, "must be a list of versions like 1.0.0")


def _no_translation(fields: Fields, key: str) -> None:
    if fields.truth(key):
        raise fields.unsupported(key, "must be false: pods keep their addresses")


def _no_other_pool(fields: Fields, key: str) -> None:
    if fields.child(key).names():
        raise fields.unsupported(
            key, "must be empty; addresses come from the VNIC's pool"
        )


RULES: Mapping[str, Callable[[Fields, str], object]] = {
    "args": Fields.child,
    "capabilities": _switches,
    "cniVersions": _versions,
    "disableCheck": Fields.truth,
    "disableGC": Fields.truth,
    "ipMasq": _no_translation,
    "ipam": _no_other_pool,
    "loadOnlyInlinedPlugins": Fields.truth,
    "prevResult": Fields.child,
    "runtimeConfig": _wishes,
}
"""What a key's value must be; `cniVersion`, `name`, `type` and `dns` are read above."""


def _dns(fields: Fields) -> Dns:
    """Read what the result shall repeat."""
    here = fields.child("dns")
    here.refuse_others(("nameservers", "domain", "search", "options"))
    servers = here.texts("nameservers")
    if not all(map(_is_address, servers)):
        raise here.wrong("nameservers", "must be a list of addresses")
    said = Dns(
        nameservers=servers,
        domain=here.text("domain"),
        search=here.texts("search"),
        options=here.texts("options"),
    )
    return NO_DNS if said == NO_DNS else said


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _capabilities(document: Mapping[str, Any], *, strict: bool) -> Mapping[str, Any]:
    """Read runtimeConfig with the names of capabilities, and their fields, lower-cased."""
    given = document.get("runtimeConfig")
    if not isinstance(given, Mapping):
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
                f"runtimeConfig.{wish}: {show(read[wish])}: {NO_CHOICE}",
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
