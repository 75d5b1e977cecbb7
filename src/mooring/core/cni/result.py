"""The result of ADD as a value, and its JSON in each version of the specification.

Older versions say less: 0.3.0 to 0.4.0 write the family of each address and 1.0.0 does not;
1.1.0 adds the MTU and other fields of interfaces and routes. Fields are left out as
the CNI project's own library does, so that others find what they know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import NamedTuple, TypeVar

from mooring.core.cni.errors import Code
from mooring.core.cni.fields import Fields
from mooring.core.cni.versions import reaches

_T = TypeVar("_T")
Json = dict[str, object]


class Interface(NamedTuple):
    """A network interface that ADD made; `sandbox` is "" for the host's end."""

    name: str
    mac: str = ""
    mtu: int | None = None
    sandbox: str = ""
    socket_path: str = ""
    pci_id: str = ""


class Ip(NamedTuple):
    """An address, the length of its prefix in bits; `interface` counts in the result's interfaces."""

    address: IPv4Address | IPv6Address
    length: int
    gateway: IPv4Address | IPv6Address | None = None
    interface: int | None = None


class Route(NamedTuple):
    """A route of the container; without `gw` it goes by the address's gateway."""

    dst: IPv4Network | IPv6Network
    gw: IPv4Address | IPv6Address | None = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """What the container should ask; runtimes of Kubernetes do not read it."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


NO_DNS = Dns()


class Result(NamedTuple):
    """What ADD made."""

    interfaces: tuple[Interface, ...] = ()
    ips: tuple[Ip, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = NO_DNS


def document(result: Result, version: str) -> Json:
    """Write a result in one of the supported versions."""
    wide = reaches(version, "1.1.0")
    named = not reaches(version, "1.0.0")
    made: Json = {"cniVersion": version}
    if result.interfaces:
        made["interfaces"] = [_interface(i, wide=wide) for i in result.interfaces]
    if result.ips:
        made["ips"] = [_ip(ip, named=named) for ip in result.ips]
    if result.routes:
        made["routes"] = [_route(route, wide=wide) for route in result.routes]
    plain = result.dns is NO_DNS or result.dns == NO_DNS
    made["dns"] = {} if plain else _dns(result.dns)
    return made


def read(prev_result: Mapping[str, object]) -> Result:
    """Read a result of any supported version, or raise what the runtime shall see."""
    fields = Fields(prev_result, "prevResult", Code.DECODING_FAILURE)
    interfaces = tuple(_read_interface(f) for f in fields.children("interfaces"))
    dns = fields.child("dns")
    return Result(
        interfaces=interfaces,
        ips=tuple(_read_ip(f, len(interfaces)) for f in fields.children("ips")),
        routes=tuple(_read_route(f) for f in fields.children("routes")),
        dns=Dns(
            nameservers=dns.texts("nameservers"),
            domain=dns.text("domain"),
            search=dns.texts("search"),
            options=dns.texts("options"),
        ),
    )


def joined(first: Result, second: Result) -> Result:
    """Put a result behind that of an earlier plugin of the chain."""
    shift = len(first.interfaces)
    moved = tuple(
        ip if ip.interface is None else ip._replace(interface=ip.interface + shift)
        for ip in second.ips
    )
    return Result(
        interfaces=first.interfaces + second.interfaces,
        ips=first.ips + moved,
        routes=first.routes + second.routes,
        dns=first.dns if second.dns == Dns() else second.dns,
    )


@lru_cache(maxsize=64)
def _few(place: IPv4Address | IPv6Address | IPv4Network | IPv6Network) -> str:
    """Write a gateway or a destination, which are the same in most results."""
    return str(place)


def _known(**members: object) -> Json:
    """Leave out what is unknown or empty; 0 is a value."""
    return {k: v for k, v in members.items() if v is not None and v not in ("", [])}


def _dns(dns: Dns) -> Json:
    return _known(
        nameservers=list(dns.nameservers),
        domain=dns.domain,
        search=list(dns.search),
        options=list(dns.options),
    )


def _interface(interface: Interface, *, wide: bool) -> Json:
    made: Json = {"name": interface.name}
    if interface.mac:
        made["mac"] = interface.mac
    if interface.sandbox:
        made["sandbox"] = interface.sandbox
    if wide:
        made |= _known(
            mtu=interface.mtu,
            socketPath=interface.socket_path,
            pciID=interface.pci_id,
        )
    return made


def _ip(ip: Ip, *, named: bool) -> Json:
    made: Json = {"version": str(ip.address.version)} if named else {}
    made["address"] = f"{ip.address}/{ip.length}"
    if ip.gateway is not None:
        made["gateway"] = _few(ip.gateway)
    if ip.interface is not None:
        made["interface"] = ip.interface
    return made


def _route(route: Route, *, wide: bool) -> Json:
    made: Json = {"dst": _few(route.dst)}
    if route.gw is not None:
        made["gw"] = _few(route.gw)
    if wide:
        made |= _known(
            mtu=route.mtu,
            advmss=route.advmss,
            priority=route.priority,
            table=route.table,
            scope=route.scope,
        )
    return made


def _read_interface(fields: Fields) -> Interface:
    return Interface(
        name=fields.text("name"),
        mac=fields.text("mac"),
        mtu=fields.number("mtu"),
        sandbox=fields.text("sandbox"),
        socket_path=fields.text("socketPath"),
        pci_id=fields.text("pciID"),
    )


def _read_ip(fields: Fields, interfaces: int) -> Ip:
    index = fields.number("interface")
    if index is not None and not 0 <= index < interfaces:
        raise fields.wrong("interface", f"there are {interfaces} interfaces")
    address, length = _made(fields, "address", _place, "an address with its length")
    return Ip(
        address=address,
        length=length,
        gateway=_gateway(fields, "gateway"),
        interface=index,
    )


def _read_route(fields: Fields) -> Route:
    return Route(
        dst=_made(fields, "dst", _network_of, "a network"),
        gw=_gateway(fields, "gw"),
        mtu=fields.number("mtu"),
        advmss=fields.number("advmss"),
        priority=fields.number("priority"),
        table=fields.number("table"),
        scope=fields.number("scope"),
    )


def _place(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    if "/" not in text:
        raise ValueError(text)
    # Of an interface's address ipaddress leaves the zone out.
    return ip_address(text.partition("/")[0]), ip_interface(text).network.prefixlen


def _network_of(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _gateway(fields: Fields, key: str) -> IPv4Address | IPv6Address | None:
    return _made(fields, key, ip_address, "an address") if fields.text(key) else None


def _made(fields: Fields, key: str, make: Callable[[str], _T], what: str) -> _T:
    try:
        return make(fields.text(key))
    except ValueError:
        raise fields.wrong(key, f"must be {what}") from None
