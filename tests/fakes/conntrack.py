"""Connection tracking in memory; passes the contract test of `adapters.conntrack`."""

from collections.abc import Collection, Iterable
from errno import EPERM

from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import Ip
from mooring.core.linux.port import KernelError


class FakeConntrack:
    """Flows in a list. `refusal` is the errno of every call; `looks` counts the calls.

    Flows whose names are among `stays` are not forgotten.
    """

    def __init__(self, *flows: Flow) -> None:
        self.known: list[Flow] = list(flows)
        self.refusal = 0
        self.looks = 0
        self.stays: set[bytes] = set()

    def flows(
        self, addresses: Collection[Ip], _fd: int | None = None
    ) -> tuple[Flow, ...]:
        self._answer()
        self.looks += 1
        wanted = frozenset(addresses)
        return tuple(flow for flow in self.known if wanted & flow.ends)

    def forget(self, flows: Iterable[Flow], _fd: int | None = None) -> int:
        self._answer()
        before = len(self.known)
        asked = {flow.name for flow in flows}
        names = asked - self.stays
        self.known = [flow for flow in self.known if flow.name not in names]
        if asked & self.stays:
            raise KernelError(None, EPERM, "a flow stays")
        return before - len(self.known)

    def _answer(self) -> None:
        if self.refusal:
            raise KernelError(None, self.refusal, "connection tracking: refused")
