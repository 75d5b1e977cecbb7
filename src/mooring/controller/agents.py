"""Where an agent is ready, as its pod says.

A pod that went is known by its name only, so where each was is remembered. Two may be on a node
for a moment, while one is replaced.
"""

from collections.abc import Iterable

from mooring.core.kube.port import Pods
from mooring.core.net.fields import Unreadable


class Agents:
    """Follows the agents' pods; one thread tells it of changes, any may ask."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._where: dict[str, str] = {}
        self._ready: dict[str, frozenset[str]] = {}

    def ready(self, node: str) -> bool:
        """Tell whether the node has one that is ready."""
        return bool(self._ready.get(node))

    def moved(self, keys: Iterable[str]) -> frozenset[str]:
        """Look at pods that changed and name their nodes; of one that is gone the node where it was."""
        found = set()
        for key in keys:
            before = self._where.pop(key, "")
            try:
                pod = self._pods.get(key)
            except Unreadable:
                pod = None
            now = pod.node if pod else ""
            if pod and now:
                self._where[key] = now
            ready = bool(pod and pod.ready and not pod.deleting)
            for node in {before, now} - {""}:
                here = self._ready.get(node, frozenset()) - {key}
                if ready and node == now:
                    self._ready[node] = here | {key}
                elif here:
                    self._ready[node] = here
                else:
                    self._ready.pop(node, None)
                found.add(node)
        return frozenset(found)
