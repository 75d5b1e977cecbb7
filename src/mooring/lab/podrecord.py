"""What is known of a pod, and what one sees of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.adapters.labfiles import LabFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRecord:
    """A pod that was asked for. `made` is False until all of it was there once.

    `uid` names its namespace and its container; `result` is what CNI's ADD gave, which a
    runtime keeps for CHECK and DEL (only where the lab itself is the runtime). `others` are
    its addresses beside the preferred one.
    """

    name: str
    node: str
    uid: str
    made: bool = False
    address: str = ""
    others: tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSight:
    """A pod as it is now."""

    name: str
    node: str
    address: str
    running: bool
    others: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Give all its addresses, the preferred one first."""
        return tuple(each for each in (self.address, *self.others) if each)


def _file(name: str) -> str:
    return f"pods/{name}.json"


def write(files: LabFiles, pod: PodRecord) -> None:
    """Keep a record."""
    content = {
        "name": pod.name,
        "node": pod.node,
        "uid": pod.uid,
        "made": pod.made,
        "address": pod.address,
        "others": list(pod.others),
        "result": dict(pod.result),
    }
    files.write(_file(pod.name), content)


def read(files: LabFiles, name: str) -> PodRecord | None:
    """Read a record; None when there is no such pod."""
    content = files.read(_file(name))
    if content is None:
        return None
    return PodRecord(
        name=content["name"],
        node=content["node"],
        uid=content["uid"],
        made=content["made"],
        address=content["address"],
        others=tuple(content.get("others", ())),
        result=content["result"],
    )


def all_of(files: LabFiles) -> list[PodRecord]:
    """Read every record, by name."""
    found = (read(files, name) for name in files.names("pods"))
    return [pod for pod in found if pod is not None]


def drop(files: LabFiles, name: str) -> None:
    """Forget a pod."""
    files.drop(_file(name))
