"""The kinds of objects that Mooring asks the API server for, and where they are found."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind; `group` is "" for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        """Give what stands in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", part: str = "") -> str:
        """Give the path of all, of those in a namespace, of one, or of a part of one."""
        words = ["apis", self.group] if self.group else ["api"]
        words.append(self.version)
        if namespace:
            words += ["namespaces", namespace]
        words.append(self.plural)
        words += [word for word in (name, part) if word]
        return "/" + "/".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    """Escape what would not stay one segment of a path."""
    if word in (".", ".."):
        return word.replace(".", "%2E")
    return "".join(
        chr(byte)
        if (chr(byte).isalnum() and byte < 128) or byte in b"-._~:"
        else f"%{byte:02X}"
        for byte in word.encode(errors="replace")
    )


NODES = Resource("", "v1", "nodes", "Node")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
EVENTS = Resource("events.k8s.io", "v1", "events", "Event", namespaced=True)
NPNS = Resource(
    "oci.oraclecloud.com", "v1beta1", "nativepodnetworks", "NativePodNetwork"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind: all, or those of a namespace that selectors choose.

    `fields` is a field selector as `metadata.name=abc` or `spec.nodeName=node-1`.
    """

    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def query(self) -> Mapping[str, str]:
        """Give it as parameters of a list or watch."""
        chosen = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in chosen.items() if value}


EVERYTHING = Scope()
