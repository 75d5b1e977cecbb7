"""The API's forms of names, times and plain values."""

from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from mooring.core.vcn.model import Resource
from mooring.core.vcn.world import World

Json = dict[str, object]
# What a kind shows beyond its fields; the record that each function takes is of its key.
More = Mapping[type[Resource], Callable[[Any, World], Json]]
NETWORKS = (IPv4Address, IPv4Network, IPv6Address, IPv6Network)


def moment(when: datetime) -> str:
    """Give a time as the API writes it."""
    return f"{when.isoformat(timespec='milliseconds')[:23]}Z"


def camel(name: str) -> str:
    """Give a field's name as the API writes it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def plain(value: object) -> object:
    """Give a field's value as JSON."""
    if isinstance(value, NETWORKS):
        return str(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value


def first(values: tuple[object, ...]) -> str | None:
    """Give the first of some, as text."""
    return str(values[0]) if values else None
