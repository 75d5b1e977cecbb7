"""What every object says of itself: names, version, labels, owners.

Read strictly, and cut down to what is used: a cluster's 1,000 nodes are held in memory. Of
the annotations only Mooring's and the cloud's are kept, label keys are held once for all.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.core.net.fields import Field, Unreadable

MOST_LABELS, MOST_OWNERS = 4096, 256
KEPT = ("mooring/", "oracle.com/", "oraclecloud.com/")
"""Annotations whose domain ends like this are kept."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an object is; it goes when its owner goes."""

    kind: str
    name: str
    uid: str
    api_version: str = "v1"
    controller: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """An object's metadata; `version` is its resourceVersion and differs after any change."""

    name: str
    namespace: str = ""
    uid: str = ""
    version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[Owner, ...] = ()
    deleting: bool = False

    @property
    def key(self) -> str:
        """Give what it is called among its kind: `namespace/name`, or the name alone."""
        return key_of(self.namespace, self.name)


def key_of(namespace: str, name: str) -> str:
    """Give what an object is called among its kind."""
    return f"{namespace}/{name}" if namespace else name


def read(document: object) -> Meta:
    """Read an object's metadata; raise Unreadable."""
    meta = entity(document).at("metadata")
    return Meta(
        name=meta.at("name").text(253),
        namespace=meta.at("namespace").either(lambda f: f.text(63, 0), ""),
        uid=meta.at("uid").either(lambda f: f.text(128, 0), ""),
        version=meta.at("resourceVersion").either(lambda f: f.text(128, 0), ""),
        generation=meta.at("generation").either(lambda f: f.whole(0, 2**63 - 1), 0),
        labels=_labels(meta.at("labels")),
        annotations=_annotations(meta.at("annotations")),
        owners=tuple(_owner(f) for f in meta.at("ownerReferences").items(MOST_OWNERS)),
        deleting=not meta.at("deletionTimestamp").absent,
    )


def entity(document: object) -> Field:
    """Begin to read an object; raise Unreadable when it is none."""
    if not isinstance(document, dict):
        raise Unreadable("object", document, "must be a JSON object")
    return Field("", document)


def _labels(field: Field) -> Mapping[str, str]:
    here: Mapping[Any, Any] = field.mapping()
    if len(here) > MOST_LABELS:
        raise field.wrong(f"must have at most {MOST_LABELS} keys, has {len(here)}")
    return {
        _once(key): _once(Field(f"{field.path}.{key}", value).text(63, 0))
        for key, value in here.items()
    }


def _annotations(field: Field) -> Mapping[str, str]:
    """Read the annotations that concern us; the others may be anything."""
    here: Mapping[Any, Any] = field.mapping()
    return {
        _once(key): Field(f"{field.path}.{key}", value).text(1 << 18, 0)
        for key, value in here.items()
        if _domain(str(key)).endswith(KEPT)
    }


def _domain(key: str) -> str:
    domain, slash, _ = key.partition("/")
    return domain + slash


def _owner(field: Field) -> Owner:
    return Owner(
        kind=_once(field.at("kind").text(253)),
        name=field.at("name").text(253),
        uid=field.at("uid").text(128),
        api_version=_once(field.at("apiVersion").text(317)),
        controller=field.at("controller").flag(),
    )


def _once(text: object) -> str:
    """Give the same text as one object for all that have it."""
    return sys.intern(str(text))
