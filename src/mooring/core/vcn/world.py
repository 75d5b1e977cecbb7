"""All objects of the cloud at one moment, and the ways to find them.

A World is a value: `put` and `drop` give a new one that shares almost everything with the
old. Lists come in order of creation unless they say otherwise. Beside what lives, a World
holds what has ended lately, as the cloud shows it: instances TERMINATED and attachments
DETACHED. Their VNICs and addresses are gone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from immutables import Map

from mooring.core.net.blocks import Entry, Space
from mooring.core.vcn.indexes import (
    AGENDA,
    TOKENS,
    Key,
    Sizes,
    addresses,
    addresses6,
    listed,
    places,
    tally,
    width,
)
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import (
    Ipv6,
    PrivateIp,
    Resource,
    Subnet,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.model.tokens import RetryToken
from mooring.core.vcn.rows import Row, from_row

T = TypeVar("T", bound=Resource)
Record = Resource | RetryToken


@dataclass(frozen=True, slots=True)
class World:
    """Every record by its id, and the indexes that `indexes.places` describes."""

    settings: Settings = field(default_factory=Settings)
    records: Map[str, Resource] = field(default_factory=Map)
    tokens: Map[str, RetryToken] = field(default_factory=Map)
    indexes: Map[Key, Space] = field(default_factory=Map)
    sizes: Sizes = field(default_factory=Map)

    @classmethod
    def empty(cls, settings: Settings | None = None) -> "World":
        """Begin with nothing."""
        return cls(settings or Settings())

    @classmethod
    def load(cls, rows: Iterable[Row], settings: Settings | None = None) -> "World":
        """Build a World of stored rows in any order (rows.to_row made them)."""
        records: dict[str, Resource] = {}
        tokens: dict[str, RetryToken] = {}
        shelves: dict[Key, list[Entry]] = {}
        for row in rows:
            record = from_row(row)
            if isinstance(record, RetryToken):
                tokens[record.key] = record.light()
            else:
                records[record.id] = record
            for key, entry in places(record):
                shelves.setdefault(key, []).append(entry)
        indexes = {k: Space.of(width(k), entries) for k, entries in shelves.items()}
        sizes: Sizes = Map()
        for one in records.values():
            sizes = tally(sizes, None, one)
        return cls(
            settings or Settings(), Map(records), Map(tokens), Map(indexes), sizes
        )

    # -- one record

    def get(self, id: str) -> Resource | None:
        """Give the record of an id."""
        return self.records.get(id)

    def find(self, kind: type[T], id: str) -> T | None:
        """Give the record of an id if it is of this kind."""
        found = self.records.get(id)
        return found if isinstance(found, kind) else None

    def put(self, record: Record) -> "World":
        """Add a record, or put it in the place of the one with its name."""
        records, tokens = self.records, self.tokens
        before: Record | None
        if isinstance(record, RetryToken):
            before = tokens.get(record.key)
            tokens = tokens.set(record.key, record.light())
        else:
            before = records.get(record.id)
            records = records.set(record.id, record)
        indexes = self._moved(before, record)
        sizes = tally(self.sizes, before, record)
        return World(self.settings, records, tokens, indexes, sizes)

    def drop(self, id: str) -> "World":
        """Take a record out by its OCID or a token by its key; KeyError without one."""
        if id in self.tokens:
            indexes = self._moved(self.tokens[id], None)
            return replace(self, tokens=self.tokens.delete(id), indexes=indexes)
        gone = self.records[id]
        indexes, sizes = self._moved(gone, None), tally(self.sizes, gone, None)
        records = self.records.delete(id)
        return replace(self, records=records, indexes=indexes, sizes=sizes)

    def _moved(self, before: Record | None, after: Record | None) -> Map[Key, Space]:
        """Give the indexes with one record's old places left and its new ones taken."""
        old = frozenset() if before is None else places(before)
        new = frozenset() if after is None else places(after)
        indexes = self.indexes
        for key, entry in old - new if old else ():
            space = indexes[key].release(entry)
            indexes = indexes.set(key, space) if space.count else indexes.delete(key)
        for key, entry in new - old if old else new:
            space = indexes.get(key) or Space(width(key))
            indexes = indexes.set(key, space.take(entry))
        return indexes

    # -- lists

    def of(self, kind: type[T]) -> Iterator[T]:
        """Give all records of a kind; private IPs and IPv6s by subnet and address."""
        if kind in (PrivateIp, Ipv6):
            key = addresses if kind is PrivateIp else addresses6
            for subnet in self.of(Subnet):
                yield from self.walk(kind, key(subnet.id))
        else:
            yield from self.walk(kind, listed(kind))

    def walk(self, kind: type[T], key: Key, start: int = 0) -> Iterator[T]:
        """Give the records of an index in its order, from a number on."""
        return (record for _, record in self.scan(kind, key, start))

    def scan(
        self, kind: type[T], key: Key, start: int = 0
    ) -> Iterator[tuple[Entry, T]]:
        """Give the records of an index, each with its place."""
        space = self.indexes.get(key)
        for entry in space.items(start) if space else ():
            record = self.records.get(entry.owner)
            if isinstance(record, kind):
                yield entry, record

    def referring(self, kind: type[T], id: str) -> Iterator[T]:
        """Give the records of a kind that refer to an id."""
        return self.walk(kind, listed(kind, id))

    def space(self, key: Key) -> Space:
        """Give an index; an empty one when nothing stands in it."""
        return self.indexes.get(key) or Space(width(key))

    # -- the questions that are asked often

    def subnets_of(self, vcn_id: str) -> Iterator[Subnet]:
        """Give a VCN's subnets."""
        return self.referring(Subnet, vcn_id)

    def vnics_of_vcn(self, vcn_id: str) -> Iterator[Vnic]:
        """Give all VNICs in a VCN's subnets, whatever their state."""
        return self.referring(Vnic, vcn_id)

    def vnics_of_subnet(self, subnet_id: str) -> Iterator[Vnic]:
        """Give all VNICs in a subnet, whatever their state."""
        return self.referring(Vnic, subnet_id)

    def attachments_of(self, instance_id: str) -> Iterator[VnicAttachment]:
        """Give an instance's attachments, DETACHED ones included while shown."""
        return self.referring(VnicAttachment, instance_id)

    def attachment_of_vnic(self, vnic_id: str) -> VnicAttachment | None:
        """Give the attachment of a VNIC; a VNIC has one in its life."""
        return next(self.referring(VnicAttachment, vnic_id), None)

    def private_ips_of(self, vnic_id: str) -> tuple[PrivateIp, ...]:
        """Give a VNIC's private IPs, the primary first."""
        found = self.referring(PrivateIp, vnic_id)
        return tuple(sorted(found, key=lambda ip: not ip.is_primary))

    def ipv6s_of(self, vnic_id: str) -> tuple[Ipv6, ...]:
        """Give a VNIC's IPv6 objects."""
        return tuple(self.referring(Ipv6, vnic_id))

    def private_ips_in(self, subnet_id: str) -> Iterator[PrivateIp]:
        """Give a subnet's private IPs, assigned or not, in order of address."""
        return self.walk(PrivateIp, addresses(subnet_id))

    def private_ip_at(self, subnet_id: str, address: IPv4Address) -> PrivateIp | None:
        """Give the object, single or block, that holds an address of a subnet."""
        entry = self.space(addresses(subnet_id)).at(int(address))
        return None if entry is None else self.find(PrivateIp, entry.owner)

    def ipv6s_in(self, subnet_id: str) -> Iterator[Ipv6]:
        """Give a subnet's IPv6 objects, assigned or not, in order of address."""
        return self.walk(Ipv6, addresses6(subnet_id))

    def ipv6_at(self, subnet_id: str, address: IPv6Address) -> Ipv6 | None:
        """Give the object, single or block, that holds an IPv6 address of a subnet."""
        entry = self.space(addresses6(subnet_id)).at(int(address))
        return None if entry is None else self.find(Ipv6, entry.owner)

    def due(self) -> datetime | None:
        """Say when the next passing state ends; None when nothing moves."""
        first = next(self.walk(Resource, AGENDA), None)
        return None if first is None else first.settles_at

    def expired_tokens(self, now: datetime, most: int) -> list[RetryToken]:
        """Give the oldest tokens whose time is over, not more than `most`."""
        found: list[RetryToken] = []
        for entry in self.space(TOKENS).items():
            token = self.tokens[entry.owner]
            if token.expires > now or len(found) == most:
                break
            found.append(token)
        return found
