"""One execution's environment and standard input become a request, or a CniError.

The rules are those of the CNI specification 1.1.0 (sections 1 and 2) and of what runtimes
really send. DEL and GC are judged mildly: what cannot be added can still be removed.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from mooring.core.cni.conf import IDENTIFIER, network
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import Fields, decode, nearest, show
from mooring.core.cni.request import (
    Add,
    AttachmentId,
    Check,
    Del,
    Gc,
    NetConf,
    Request,
    Status,
    Version,
)
from mooring.core.cni.versions import FALLBACK, SINCE, SUPPORTED, reaches

NEEDS: Mapping[str, tuple[str, ...]] = {
    "ADD": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"),
    "DEL": ("CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"),
    "CHECK": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"),
    "GC": ("CNI_PATH",),
    "STATUS": ("CNI_PATH",),
    "VERSION": (),
}
"""The variables that must not be empty, by command (section 2)."""

MILD = frozenset({"DEL", "GC"})
"""Commands that forgive a configuration which ADD would refuse."""

ARGS = frozenset(
    {
        "IgnoreUnknown",
        "K8S_POD_NAMESPACE",
        "K8S_POD_NAME",
        "K8S_POD_INFRA_CONTAINER_ID",
        "K8S_POD_UID",
    }
)
"""The keys of CNI_ARGS that are read here."""

VALID_LISTS = ("cni.dev/valid-attachments", "cni.dev/attachments")
"""libcni writes the list of GC under both keys, or not at all."""

ORDINARY = 4096
"""Up to so many bytes a configuration is remembered: a runtime sends the same one every time."""

_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,31}")
_USUAL_IFNAME = re.compile(r"[a-z][0-9a-z]{0,14}")


def parse(env: Mapping[str, str], stdin: bytes) -> Request:
    """Give the request, or raise the CniError that the runtime shall see."""
    command = env.get("CNI_COMMAND", "")
    if command not in NEEDS:
        known = ", ".join(NEEDS)
        raise _environment(f"CNI_COMMAND={show(command)}: must be one of {known}")
    if command == "VERSION":
        return Version(_written_version(stdin) or FALLBACK)
    missing = [name for name in NEEDS[command] if not env.get(name)]
    if missing:
        raise _environment(f"{command} needs {', '.join(missing)}")
    read = _remembered if len(stdin) <= ORDINARY else _read
    conf = read(stdin, command not in MILD)
    _judge_version(command, conf.cni_version)
    if command == "STATUS":
        return Status(conf=conf)
    if command == "GC":
        return Gc(conf=conf, valid=_valid(conf))
    return _attachment(command, env, conf)


def spoken(stdin: bytes) -> str:
    """Find the version to answer a call in, even a broken one."""
    version = _written_version(stdin)
    return version if version in SUPPORTED else FALLBACK


def split_args(text: str) -> dict[str, str]:
    """Split CNI_ARGS; an unknown key is an error unless IgnoreUnknown is true."""
    args: dict[str, str] = {}
    if not text:
        return args
    for pair in filter(None, text.split(";")):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise _environment(f"CNI_ARGS: {show(pair)} is no KEY=VALUE")
        args[key] = value
    wish = args.get("IgnoreUnknown", "false")
    if wish.lower() not in _TRUTH:
        raise _environment(f"CNI_ARGS: IgnoreUnknown={show(wish)}: must be 1 or 0")
    unknown = sorted(args.keys() - ARGS)
    if unknown and not _TRUTH[wish.lower()]:
        raise _environment(f"CNI_ARGS: nobody reads {show(unknown)}{_hint(unknown)}")
    return args


def _hint(unknown: list[str]) -> str:
    """Name the keys that may have been meant by the first few; "" when none is near."""
    near = {nearest(key, ARGS): None for key in unknown[:8]}
    meant = ", ".join(filter(None, near))
    return f"; did you mean {meant}?" if meant else ""


def fault_of_ifname(name: str) -> str:
    """Say why the kernel would not take the name (dev_valid_name); "" if it would."""
    if _USUAL_IFNAME.fullmatch(name):
        return ""
    if not 1 <= len(name.encode(errors="replace")) <= 15:
        return "must have 1 to 15 bytes"
    if name in {".", ".."}:
        return "must not be . or .."
    if any(sign in "/:" or sign.isspace() for sign in name):
        return "must not hold / or : or blanks"
    return ""


def _read(stdin: bytes, strict: bool) -> NetConf:  # noqa: FBT001 - a key of the memory
    return network(decode(stdin), strict=strict)


_remembered = lru_cache(maxsize=32)(_read)


def _attachment(command: str, env: Mapping[str, str], conf: NetConf) -> Request:
    container = env["CNI_CONTAINERID"]
    if not IDENTIFIER.fullmatch(container):
        raise _environment(
            f"CNI_CONTAINERID={show(container)}: must match {IDENTIFIER.pattern}"
        )
    ifname = env["CNI_IFNAME"]
    if fault := fault_of_ifname(ifname):
        raise _environment(f"CNI_IFNAME={show(ifname)}: {fault}")
    whose = AttachmentId(conf.name, container, ifname)
    netns = env.get("CNI_NETNS", "")
    if command == "ADD":
        args = split_args(env.get("CNI_ARGS", ""))
        return Add(id=whose, netns=netns, conf=conf, args=args)
    if command == "DEL":
        return Del(id=whose, netns=netns, conf=conf)
    if conf.prev_result is None:
        raise CniError(Code.INVALID_CONFIG, "prevResult: absent: CHECK needs it")
    return Check(id=whose, netns=netns, conf=conf)


def _judge_version(command: str, version: str) -> None:
    since = SINCE.get(command)
    if since and not reaches(version, since):
        raise CniError(
            Code.INCOMPATIBLE_VERSION,
            f"cniVersion: {version}: {command} exists since {since}",
        )


def _valid(conf: NetConf) -> frozenset[AttachmentId] | None:
    """Read what GC shall keep; with two lists, what either of them names."""
    if all(conf.raw.get(key) is None for key in VALID_LISTS):
        return None
    fields = Fields(conf.raw, "", Code.INVALID_CONFIG)
    return frozenset(
        AttachmentId(conf.name, item.name("containerID"), item.name("ifname"))
        for key in VALID_LISTS
        for item in fields.children(key)
    )


def _written_version(stdin: bytes) -> str:
    try:
        version = decode(stdin).get("cniVersion")
    except CniError:
        return ""
    if isinstance(version, str) and _VERSION.fullmatch(version):
        return version
    return ""


def _environment(msg: str) -> CniError:
    return CniError(Code.INVALID_ENVIRONMENT, msg)
