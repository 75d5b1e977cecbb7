"""CNI requests as values (CNI specification 1.1.0, section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mooring.core.cni.result import Dns


class AttachmentId(NamedTuple):
    """What identifies an attachment; `ifname` is the name in the container.

    A tuple, because it is looked up twenty times in each ADD.
    """

    network: str
    container: str
    ifname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetConf:
    """The network configuration of one call; `raw` is the whole object as it came."""

    cni_version: str
    name: str
    type: str
    prev_result: Mapping[str, Any] | None = None
    capabilities: Mapping[str, Any] = field(
        default_factory=dict
    )  # runtimeConfig, keys lower-cased
    dns: Dns = field(default_factory=Dns)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """Wire a container. `args` is CNI_ARGS split."""

    id: AttachmentId
    netns: str
    conf: NetConf
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Del:
    """Unwire it; `netns` may be empty or gone."""

    id: AttachmentId
    netns: str
    conf: NetConf


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Verify it against `conf.prev_result`."""

    id: AttachmentId
    netns: str
    conf: NetConf


@dataclass(frozen=True, slots=True, kw_only=True)
class Gc:
    """Drop what is not in `valid`; None when the caller gave no list."""

    conf: NetConf
    valid: frozenset[AttachmentId] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Ask whether an ADD can be served."""

    conf: NetConf


@dataclass(frozen=True, slots=True)
class Version:
    """Ask which versions are spoken."""

    cni_version: str


Request = Add | Del | Check | Gc | Status | Version
