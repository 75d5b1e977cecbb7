"""The status file: what the agent knows, for `mooring lab status` and for people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mooring.agent.book import Book
from mooring.agent.guests import Guest, Guests
from mooring.agent.host import Host
from mooring.agent.node import Node
from mooring.core.ipam.ledger import Lease, Ledger
from mooring.core.ipam.pool import Pool
from mooring.core.ipam.port import DiskError, Storage
from mooring.core.net.jsontext import written_in_lines
from mooring.core.npn.record import Condition
from mooring.core.wiring.names import host_link
from mooring.core.wiring.vnic import Uplink

FILE = "status.json"
READY = frozenset({"IPv4Ready", "IPv6Ready"})
"""The conditions that tell of families."""


class Report:
    """Writes the status file when something in it has changed."""

    def __init__(
        self, host: Host, disk: Storage, book: Book, node: Node, guests: Guests
    ) -> None:
        self._host = host
        self._disk = disk
        self._book = book
        self._node = node
        self._guests = guests
        self._written: tuple[object, ...] = ()

    def turn(self, repairs: Iterable[tuple[datetime, str]]) -> None:
        """Write it, unless all that it says is as it was."""
        told = tuple(repairs)
        node, ledger = self._node, self._book.ledger
        fast = node.carrier.state
        guests = self._guests.changes
        now = (id(ledger), id(node.standing), node.ready, told, fast, guests)
        if now == self._written[: len(now)]:
            return
        text = written_in_lines(self._document(told))
        try:
            self._disk.publish(FILE, text)
        except DiskError as why:
            self._host.say("status-refused", why=why)
            return
        # Kept as well as their ids, which are free for others when they are gone.
        self._written = (*now, ledger, node.standing)

    def _document(self, repairs: Iterable[tuple[datetime, str]]) -> dict[str, Any]:
        ledger, standing = self._book.ledger, self._node.standing
        drains = {lease.attachment for lease in ledger.draining()}
        return {
            "version": 1,
            "ready": self._node.ready,
            "trouble": standing.trouble,
            "npn": {"state": standing.npn.state, "reason": standing.npn.reason},
            "primary": _primary(self._node),
            "mtu": self._node.mtu,
            "fastPath": self._node.carrier.state,
            "pool": {
                **_pool(ledger, len(drains)),
                "kept": self._book.kept,
                "early": self._book.early,
            },
            "families": _families(ledger.pool, standing.npn.conditions),
            "vnics": [
                _vnic(ledger.pool, uplink) for uplink in standing.uplinks.values()
            ],
            "absent": list(standing.absent),
            "refused": list(standing.refused),
            "attachments": [
                _attachment(
                    lease,
                    self._guests.of(lease),
                    draining=lease.attachment in drains,
                )
                for lease in ledger.leases.values()
            ],
            "repairs": [
                {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "what": what} for at, what in repairs
            ],
        }


def _primary(node: Node) -> dict[str, str] | None:
    primary = node.standing.primary
    if primary is None:
        return None
    return {"link": primary.link, "address": str(primary.address)}


def _pool(ledger: Ledger, draining: int) -> dict[str, int]:
    """Count pods: by the family without which there is none."""
    found = ledger.pool.count(next(iter(ledger.pool.families), 4))
    return {
        "offered": found.offered,
        "free": found.free,
        "held": len(ledger.leases),
        "cooling": len(found.resting),
        "draining": draining,
    }


def _families(pool: Pool, conditions: Iterable[Condition]) -> dict[str, Any]:
    """Tell of each family that is asked for: its addresses, and what is wrong with it."""
    said = {c.type: c.message for c in conditions if c.status == "False"}
    told = [c.type.removesuffix("Ready") for c in conditions if c.type in READY]
    known = [f"IPv{version}" for version in pool.families]
    return {
        family: {
            **_count(pool, int(family[-1])),
            "trouble": said.get(f"{family}Ready", ""),
        }
        for family in dict.fromkeys((*known, *told))
    }


def _count(pool: Pool, version: int) -> dict[str, int]:
    found = pool.count(version)
    return {
        "offered": found.offered,
        "free": found.free,
        "cooling": len(found.resting),
    }


def _vnic(pool: Pool, uplink: Uplink) -> dict[str, Any]:
    """Tell of a VNIC; its numbers are those of its preferred family."""
    status, vnic = uplink.status, uplink.status.vnic_id
    given = pool.offers[vnic]
    first = given.families[0]
    return {
        "id": vnic,
        "link": uplink.link,
        "slot": uplink.slot,
        "host": str(status.host.v4 or status.host.v6 or ""),
        "hosts": [str(a) for a in (status.host.v4, status.host.v6) if a],
        "families": [f"IPv{version}" for version in given.families],
        "offered": sum(a.version == first for a in given.addresses),
        "free": len(pool.free[vnic, first]),
    }


def _attachment(lease: Lease, guest: Guest | None, *, draining: bool) -> dict[str, Any]:
    return {
        "pod": "" if guest is None else str(guest),
        "network": lease.attachment.network,
        "container": lease.attachment.container,
        "ifname": lease.attachment.ifname,
        "addresses": [str(address) for address in lease.ordered],
        "lacks": list(lease.lacking),
        "vnic": lease.vnic_id,
        "link": host_link(lease.attachment),
        "netns": lease.netns.path,
        "phase": str(lease.phase),
        "draining": draining,
    }
