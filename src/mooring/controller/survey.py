"""Lists of everything, so that a large cluster's settled nodes need not be looked at one by one.

A whole look at a node takes four calls. Up to `FEW` nodes every comparison is a whole look. Beyond,
whole looks come more seldom, so that they do not grow into the budget; in between the lists of the
compartment and of the subnets, a page for a thousand, tell at the usual interval whether
instance, attachments and addresses are as they were seen. What differs is looked at whole at once.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.core.npn.errors import CloudError
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import DEAD, AddressSeen, Known, Sighting

FEW = 40
"""Nodes whose whole looks at the usual interval of 30 s take a quarter of 20 calls a second."""


@dataclass
class Survey:
    """What lists show, each for half an interval; `crowd` is how many nodes there are."""

    cloud: Cloud
    now: Callable[[], float]
    interval: float = 30.0
    crowd: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _lists: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict)

    def stands(self, known: Known | None) -> bool:
        """Tell whether a look may be taken for a new one: lists show no difference."""
        if known is None or self.crowd <= FEW:
            return False
        if self.now() - known.at >= self.interval * self.crowd / FEW:
            return False
        try:
            with self._lock:
                return self._agrees(known.seen)
        except CloudError:
            return False  # the whole look will tell

    def _agrees(self, seen: Sighting) -> bool:
        instance, compartment = seen.instance, seen.instance.compartment_id
        states = self._list("instances", compartment, self._instances)
        if states.get(instance.id) != instance.state:
            return False
        attached = self._list("attached", compartment, self.cloud.attachments_in)
        here = {(a.id, a.state) for a in attached.get(instance.id, ())}
        if _alive(here) != _alive({(a.id, a.state) for a in seen.attachments}):
            return False
        return all(
            self._holds(seen.vnics[vnic_id].subnet_id, vnic_id, on)
            for vnic_id, on in seen.addresses.items()
        )

    def _holds(self, subnet_id: str, vnic_id: str, on: tuple[AddressSeen, ...]) -> bool:
        """Tell whether a VNIC has the same objects still."""
        four = self._list("four", subnet_id, self.cloud.addresses_in)
        found = {a.id for a in four.get(vnic_id, ())}
        if any(a.kind == "ipv6" for a in on):
            six = self._list("six", subnet_id, self.cloud.ipv6s_in)
            found |= {a.id for a in six.get(vnic_id, ())}
        return found == {a.id for a in on}

    def _instances(self, compartment_id: str) -> Mapping[str, str]:
        return {i.id: i.state for i in self.cloud.instances_in(compartment_id)}

    def _list(
        self, kind: str, place: str, ask: Callable[[str], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Ask for a list, or give the one of a moment ago."""
        until, found = self._lists.get((kind, place), (0.0, None))
        if found is None or self.now() >= until:
            found = ask(place)
            self._lists[kind, place] = self.now() + self.interval / 2, found
        listed: Mapping[str, Any] = found
        return listed


def _alive(attachments: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(id, state) for id, state in attachments if state not in DEAD}
