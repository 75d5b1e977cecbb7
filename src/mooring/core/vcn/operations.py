"""Every call that the local VCN answers: method and path to operation, as one table.

`{id}` in a path stands for one segment, an OCID of the operation's kind. What the cloud
has and this table has not is answered with 501 and its name (`ELSEWHERE` gives the names
of those that one is likely to meet).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mooring.core.vcn import (
    addresses,
    fields,
    gateways,
    instances,
    listing,
    networks,
    removal,
    rulebooks,
    vnics,
)
from mooring.core.vcn.fields import RENAME
from mooring.core.vcn.model import (
    DhcpOptions,
    Instance,
    InternetGateway,
    NatGateway,
    NetworkSecurityGroup,
    PrivateIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.schema import Fields
from mooring.core.vcn.turns import Answer, Call

VERSION = "20160918"
Act = Callable[[Call], Answer]
Route = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one call needs and who carries it out; `body` None: there is none."""

    name: str
    kind: type[Resource] | None = None
    body: Fields | None = None
    query: Fields = field(default_factory=dict)
    act: Act


def show(call: Call) -> Answer:
    """Show the object that the path names."""
    return Answer(draft=call.draft, subject=call.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crud:
    """The five calls that most kinds have; `names` are those that are irregular."""

    path: str
    name: str
    kind: type[Resource]
    create: tuple[Fields, Act] | None = None
    update: tuple[Fields, Act] | None = None
    delete: Act | None = removal.delete
    list: tuple[Fields, Act] | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def routes(self) -> dict[Route, Operation]:
        """Give the calls that this kind has."""
        one, whole = f"/{self.path}/{{id}}", f"/{self.path}"
        found = {("GET", one): self._about("Get", None, show)}
        if self.update:
            found["PUT", one] = self._about("Update", *self.update)
        if self.delete:
            found["DELETE", one] = self._about("Delete", None, self.delete)
        if self.create:
            body, act = self.create
            name = self._name("Create", self.name)
            found["POST", whole] = Operation(name=name, body=body, act=act)
        if self.list:
            query, act = self.list
            name = self._name("List", f"{self.name}s")
            found["GET", whole] = Operation(name=name, query=query, act=act)
        return found

    def _about(self, verb: str, body: Fields | None, act: Act) -> Operation:
        """Make an operation on one object of the kind."""
        name = self._name(verb, self.name)
        return Operation(name=name, kind=self.kind, body=body, act=act)

    def _name(self, verb: str, noun: str) -> str:
        return self.names.get(verb, verb + noun)


KINDS: tuple[Crud, ...] = (
    Crud(
        path="vcns",
        name="Vcn",
        kind=Vcn,
        create=(fields.CREATE_VCN, networks.create_vcn),
        update=(RENAME, networks.update_vcn),
        list=(fields.SORTED, listing.lister(Vcn)),
    ),
    Crud(
        path="subnets",
        name="Subnet",
        kind=Subnet,
        create=(fields.CREATE_SUBNET, networks.create_subnet),
        update=(fields.UPDATE_SUBNET, networks.update_subnet),
        list=(fields.LIST_IN_VCN, listing.lister(Subnet)),
    ),
    Crud(
        path="routeTables",
        name="RouteTable",
        kind=RouteTable,
        create=(fields.CREATE_ROUTE_TABLE, gateways.create_route_table),
        update=(fields.UPDATE_ROUTE_TABLE, gateways.update_route_table),
        list=(fields.LIST_IN_VCN, listing.lister(RouteTable)),
    ),
    Crud(
        path="securityLists",
        name="SecurityList",
        kind=SecurityList,
        create=(fields.CREATE_SECURITY_LIST, rulebooks.create_security_list),
        update=(fields.UPDATE_SECURITY_LIST, rulebooks.update_security_list),
        list=(fields.LIST_IN_VCN, listing.lister(SecurityList)),
    ),
    Crud(
        path="networkSecurityGroups",
        name="NetworkSecurityGroup",
        kind=NetworkSecurityGroup,
        create=(fields.CREATE_IN_VCN, rulebooks.create_group),
        update=(RENAME, rulebooks.update_group),
        list=(fields.LIST_NSGS, listing.lister(NetworkSecurityGroup)),
    ),
    Crud(
        path="internetGateways",
        name="InternetGateway",
        kind=InternetGateway,
        create=(fields.CREATE_INTERNET_GATEWAY, gateways.create_internet_gateway),
        update=(fields.UPDATE_INTERNET_GATEWAY, gateways.update_internet_gateway),
        list=(fields.LIST_IN_VCN, listing.lister(InternetGateway)),
    ),
    Crud(
        path="natGateways",
        name="NatGateway",
        kind=NatGateway,
        create=(fields.CREATE_NAT_GATEWAY, gateways.create_nat_gateway),
        update=(fields.UPDATE_NAT_GATEWAY, gateways.update_nat_gateway),
        list=(fields.LIST_IN_VCN, listing.lister(NatGateway)),
    ),
    Crud(
        path="dhcps",
        name="DhcpOptions",
        names={"List": "ListDhcpOptions"},
        kind=DhcpOptions,
        create=(fields.CREATE_DHCP, networks.create_dhcp),
        update=(fields.UPDATE_DHCP, networks.update_dhcp),
        list=(fields.LIST_IN_VCN, listing.lister(DhcpOptions)),
    ),
    Crud(
        path="instances",
        name="Instance",
        kind=Instance,
        create=(fields.LAUNCH, instances.launch),
        update=(fields.UPDATE_INSTANCE, instances.update),
        delete=instances.terminate,
        list=(fields.LIST_INSTANCES, listing.lister(Instance)),
        names={"Create": "LaunchInstance", "Delete": "TerminateInstance"},
    ),
    Crud(
        path="vnicAttachments",
        name="VnicAttachment",
        names={"Create": "AttachVnic", "Delete": "DetachVnic"},
        kind=VnicAttachment,
        create=(fields.ATTACH_VNIC, vnics.attach),
        delete=vnics.detach,
        list=(fields.LIST_ATTACHMENTS, listing.lister(VnicAttachment)),
    ),
    Crud(
        path="vnics",
        name="Vnic",
        kind=Vnic,
        update=(fields.UPDATE_VNIC, vnics.update),
        delete=None,
    ),
    Crud(
        path="privateIps",
        name="PrivateIp",
        kind=PrivateIp,
        create=(fields.CREATE_PRIVATE_IP, addresses.create),
        update=(fields.UPDATE_PRIVATE_IP, addresses.update),
        delete=addresses.delete,
        list=(fields.LIST_PRIVATE_IPS, listing.list_private_ips),
    ),
)

_GROUP = "/networkSecurityGroups/{id}"
MORE: dict[Route, Operation] = {
    ("POST", f"{_GROUP}/actions/addSecurityRules"): Operation(
        name="AddNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=fields.ADD_RULES,
        act=rulebooks.add_rules,
    ),
    ("POST", f"{_GROUP}/actions/updateSecurityRules"): Operation(
        name="UpdateNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=fields.UPDATE_RULES,
        act=rulebooks.update_rules,
    ),
    ("POST", f"{_GROUP}/actions/removeSecurityRules"): Operation(
        name="RemoveNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=fields.REMOVE_RULES,
        act=rulebooks.remove_rules,
    ),
    ("GET", f"{_GROUP}/securityRules"): Operation(
        name="ListNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        query=fields.LIST_RULES,
        act=listing.list_rules,
    ),
    ("GET", f"{_GROUP}/vnics"): Operation(
        name="ListNetworkSecurityGroupVnics",
        kind=NetworkSecurityGroup,
        query=fields.LIST_GROUP_VNICS,
        act=listing.list_group_vnics,
    ),
    ("POST", "/instances/{id}"): Operation(
        name="InstanceAction", kind=Instance, query=fields.ACTION, act=instances.act
    ),
    ("POST", "/privateIps/{id}/actions/detach"): Operation(
        name="PrivateIpVnicDetach", kind=PrivateIp, act=addresses.detach
    ),
    ("GET", "/shapes"): Operation(
        name="ListShapes", query=fields.LIST_SHAPES, act=listing.list_shapes
    ),
    ("GET", "/availabilityDomains"): Operation(
        name="ListAvailabilityDomains",
        query=fields.IN_COMPARTMENT,
        act=listing.list_domains,
    ),
}

OPERATIONS: dict[Route, Operation] = {
    route: operation for kind in KINDS for route, operation in kind.routes().items()
} | MORE

ELSEWHERE: dict[Route, str] = {
    ("POST", "/ipv6"): "CreateIpv6",
    ("GET", "/ipv6"): "ListIpv6s",
    ("GET", "/ipv6/{id}"): "GetIpv6",
    ("PUT", "/ipv6/{id}"): "UpdateIpv6",
    ("DELETE", "/ipv6/{id}"): "DeleteIpv6",
    ("POST", "/privateIps/actions/bulkCreatePrivateIps"): "BulkCreatePrivateIps",
    ("POST", "/privateIps/actions/bulkUpdatePrivateIps"): "BulkUpdatePrivateIps",
    ("POST", "/privateIps/actions/bulkDetachPrivateIps"): "BulkDetachPrivateIps",
    ("POST", "/privateIps/actions/bulkDeletePrivateIps"): "BulkDeletePrivateIps",
    ("POST", "/vcns/{id}/actions/addCidr"): "AddVcnCidr",
    ("POST", "/vcns/{id}/actions/addIpv6Cidr"): "AddIpv6VcnCidr",
    ("POST", "/subnets/{id}/actions/addIpv4Cidr"): "AddIpv4SubnetCidr",
    ("POST", "/subnets/{id}/actions/addIpv6Cidr"): "AddIpv6SubnetCidr",
}


def segments(path: str) -> tuple[str, ...]:
    """Take a path apart; a slash at its end means nothing."""
    return tuple(path.strip("/").split("/"))


_BY_SEGMENTS: dict[tuple[str, ...], dict[str, Operation]] = {}
for (_method, _path), _operation in OPERATIONS.items():
    _BY_SEGMENTS.setdefault(segments(_path), {})[_method] = _operation


def methods(path: tuple[str, ...]) -> dict[str, Operation]:
    """Give the operations of a path below the version, by method."""
    exact = _BY_SEGMENTS.get(path)
    return _BY_SEGMENTS.get(templated(path), {}) if exact is None else exact


def templated(path: tuple[str, ...]) -> tuple[str, ...]:
    """Give a path with its second segment as `{id}`."""
    return (*path[:1], "{id}", *path[2:])


def name_elsewhere(method: str, path: tuple[str, ...]) -> str | None:
    """Give the name of a call that the cloud has and this table has not."""
    for candidate in (path, templated(path)):
        name = ELSEWHERE.get((method, "/" + "/".join(candidate)))
        if name is not None:
            return name
    return None
