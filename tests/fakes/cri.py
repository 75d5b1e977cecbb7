"""A container runtime that remembers pods and runs nothing."""

from collections.abc import Mapping, Sequence
from itertools import count

from mooring.adapters.cri import CriError, Output, PodSeen, PodWish, Sandbox


class FakeCri:
    """What `adapters.cri.Cri` is; commands answer as `answers` says, by their first word.

    `refuse` makes the next pod fail; `die` ends a pod as a node's end does.
    """

    def __init__(
        self,
        images: Sequence[str] = (),
        answers: Mapping[str, Output] | None = None,
    ) -> None:
        self._images = set(images)
        self._answers = answers or {}
        self._numbers = count(2)
        self._pods: dict[str, PodSeen] = {}
        self._addresses: dict[str, str] = {}
        self.refuse = False
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def conditions(self) -> dict[str, str]:
        return {"RuntimeReady": "", "NetworkReady": ""}

    def has_image(self, name: str) -> bool:
        return name in self._images

    def run(self, wish: PodWish) -> str:
        if self.refuse or not self.has_image(wish.image):
            self.refuse = False
            raise CriError("RunPodSandbox: refused")
        number = next(self._numbers)
        sandbox = f"sandbox-{number}"
        self._pods[sandbox] = PodSeen(
            name=wish.name, sandbox=sandbox, uid=wish.uid, ready=True
        )
        self._addresses[sandbox] = f"10.99.0.{number}"
        return sandbox

    def remove(self, sandbox: str) -> None:
        self._pods.pop(sandbox, None)

    def pods(self) -> tuple[PodSeen, ...]:
        return tuple(self._pods.values())

    def sandboxes(self) -> tuple[Sandbox, ...]:
        return tuple(
            Sandbox(
                id=pod.sandbox,
                name=pod.name,
                ready=pod.ready,
                addresses=(self._addresses[pod.sandbox],),
            )
            for pod in self._pods.values()
        )

    def address(self, sandbox: str) -> str:
        return self._addresses[sandbox]

    def execute(self, sandbox: str, command: Sequence[str], seconds: int) -> Output:
        if sandbox not in self._pods or not self._pods[sandbox].ready:
            raise CriError(f"sandbox {sandbox[:12]} has no running container")
        return self._answers.get(command[0], Output(0, b"", b""))

    def die(self, name: str) -> None:
        for sandbox, pod in self._pods.items():
            if pod.name == name:
                self._pods[sandbox] = PodSeen(
                    name=name, sandbox=sandbox, uid=pod.uid, ready=False
                )
