"""The pods of a node as the API server would tell them."""

from mooring.core.kube.pod import Pod
from mooring.core.kube.port import Token


class FakePods:
    def __init__(self, *pods: Pod) -> None:
        self.known: dict[str, Pod] = {}
        self.away: OSError | None = None
        self._marks: dict[str, int] = {}
        self._turn = 0
        for pod in pods:
            self.put(pod)

    def put(self, pod: Pod) -> None:
        self._turn += 1
        self.known[pod.key] = pod
        self._marks[pod.key] = self._turn

    def drop(self, key: str) -> None:
        del self.known[key], self._marks[key]

    def synced(self) -> bool:
        return True

    def wait(self, seconds: float) -> bool:
        return True

    def trouble(self) -> OSError | None:
        return self.away

    def keys(self) -> list[str]:
        return sorted(self.known)

    def get(self, key: str) -> Pod | None:
        return self.known.get(key)

    def all(self) -> tuple[Pod, ...]:
        return tuple(self.known[key] for key in sorted(self.known))

    def changes(self, since: Token) -> tuple[Token, frozenset[str]]:
        now = dict(self._marks)
        differ = {k for k in now.keys() | since.keys() if now.get(k) != since.get(k)}
        return now, frozenset(differ)

    def close(self) -> None:
        """Nothing is open."""
