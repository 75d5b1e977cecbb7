"""What is shown, as it was read: objects, nodes, pods and events, each with its document.

Only what is shown is read, and nothing is refused that can be shown: an object that breaks a rule
is shown with the rule in the place of what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mooring.core.kube.meta import entity
from mooring.core.npn import usage as usages
from mooring.core.npn.codec import parse
from mooring.core.npn.fields import Field, Unreadable
from mooring.core.npn.policy import ANNOTATION
from mooring.core.npn.record import Npn
from mooring.core.npn.usage import Counts, Usage, VnicLink

Json = Mapping[str, Any]
ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What every document says of itself."""

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    deleting: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A document and what all kinds say."""

    meta: Meta
    document: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class NpnSeen(Thing):
    """An object; `npn` is None and `trouble` says why when it breaks a rule.

    `counts` is None where the agent has told nothing yet; `links` are what it told of VNICs.
    """

    npn: Npn | None
    trouble: str = ""
    counts: Counts | None = None
    links: tuple[VnicLink, ...] = ()
    node: str = ""
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen(Thing):
    """A node as the API server has it."""

    instance: str
    ready: str
    taints: tuple[str, ...]
    addresses: tuple[str, ...]
    most_pods: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen(Thing):
    """A pod: `addresses` in the order of status.podIPs."""

    node: str
    phase: str
    addresses: tuple[str, ...]
    on_host: bool

    @property
    def holds(self) -> bool:
        """Tell whether it has an address of a pool."""
        return not self.on_host and self.phase not in ENDED and bool(self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen(Thing):
    """What somebody told of a thing."""

    kind: str
    about: str
    type: str
    reason: str
    message: str
    source: str
    count: int
    last: datetime | None


def npn(document: object, trouble: str = "") -> NpnSeen:
    """Read an object, whatever is wrong with it; `trouble` is what is known to be."""
    root, found = entity(document), None
    meta = _meta(root)
    try:
        found = None if trouble else parse(document)
    except Unreadable as why:
        trouble = str(why)
    usage = _usage(_dict(root.value.get("status")).get("usage"))
    annotations = _dict(_dict(root.value.get("metadata")).get("annotations"))
    return NpnSeen(
        meta=meta,
        document=root.value,
        npn=found,
        trouble=trouble,
        counts=usage.tally if usage else None,
        links=usage.links if usage else (),
        node=meta.owner.removeprefix("Node/") if meta.owner.startswith("Node/") else "",
        policy=_said(annotations.get(ANNOTATION)),
    )


def node(document: object) -> NodeSeen:
    """Read a node; raise Unreadable for what is none."""
    root = entity(document)
    spec, status = root.at("spec"), root.at("status")
    conditions = {c.at("type").value: c for c in status.at("conditions").items(99)}
    ready = conditions.get("Ready")
    words = {"True": "Ready", "False": "NotReady"}
    said = words.get(str(ready.at("status").value), "Unknown") if ready else "Unknown"
    cordoned = spec.at("unschedulable").flag()
    return NodeSeen(
        meta=_meta(root),
        document=root.value,
        instance=spec.at("providerID").either(Field.text, "").rpartition("://")[2],
        ready=f"{said},SchedulingDisabled" if cordoned else said,
        taints=tuple(_taint(t) for t in spec.at("taints").items(999)),
        addresses=tuple(
            a.at("address").text()
            for a in status.at("addresses").items(99)
            if a.at("type").value == "InternalIP"
        ),
        most_pods=str(_dict(status.at("capacity").value).get("pods", "")),
    )


def pod(document: object) -> PodSeen:
    """Read a pod; raise Unreadable for what is none."""
    root = entity(document)
    spec, status = root.at("spec"), root.at("status")
    several = [f.at("ip").text() for f in status.at("podIPs").items(9)]
    one = status.at("podIP")
    return PodSeen(
        meta=_meta(root),
        document=root.value,
        node=spec.at("nodeName").either(Field.text, ""),
        phase=status.at("phase").either(Field.text, "Unknown"),
        addresses=tuple(several) or ((one.text(),) if one.value else ()),
        on_host=spec.at("hostNetwork").flag(),
    )


def event(document: object) -> EventSeen:
    """Read an event of either API, events.k8s.io/v1 or v1; raise Unreadable for what is none."""
    root = entity(document)
    about = root.at("regarding", "involvedObject")
    series = root.at("series")
    source = _dict(root.at("deprecatedSource", "source").value).get("component")
    last = series.at("lastObservedTime").value or (
        root.at("deprecatedLastTimestamp", "lastTimestamp").value
        or root.at("eventTime").value
    )
    count = root.at("deprecatedCount", "count")
    return EventSeen(
        meta=_meta(root),
        document=root.value,
        kind=about.at("kind").either(Field.text, ""),
        about=about.at("name").either(Field.text, ""),
        type=root.at("type").either(lambda f: f.text(least=0), ""),
        reason=root.at("reason").either(lambda f: f.text(least=0), ""),
        message=root.at("note", "message").either(lambda f: f.text(32768, 0), ""),
        source=str(root.at("reportingController").value or source or ""),
        count=_whole(series.at("count").value) or _whole(count.value) or 1,
        last=moment(last),
    )


def moment(text: object) -> datetime | None:
    """Read a timestamp of the API server; None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _meta(root: Field) -> Meta:
    metadata = _dict(root.at("metadata").value)
    owners = _list(metadata.get("ownerReferences"))
    labels = _dict(metadata.get("labels"))
    return Meta(
        name=str(metadata.get("name") or ""),
        namespace=str(metadata.get("namespace") or ""),
        labels={key: str(value) for key, value in labels.items()},
        created=moment(metadata.get("creationTimestamp")),
        deleting=metadata.get("deletionTimestamp") is not None,
        owner=next((f"{o.get('kind')}/{o.get('name')}" for o in owners), ""),
    )


def _usage(usage: object) -> Usage | None:
    """Read what the agent told; None when it told nothing that can be read."""
    try:
        return None if usage is None else usages.read(usage)
    except Unreadable:
        return None


def _taint(taint: Field) -> str:
    value = taint.at("value").value
    words = taint.at("key").text() + (f"={value}" if value else "")
    return f"{words}:{taint.at('effect').either(Field.text, '')}"


def _said(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) else None


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Json]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]
