"""What a verb on a resource type allows: the cloud's tables, as permissions.

Each verb has what the verbs before it have. A family has what its members have, and
`instance-family` somewhat more (the cloud's own exception). Types of services that are not here
are known by name, so that a tenancy's policies can be brought as they are; what they allow are
permissions that no call here asks for.

Where Oracle's pages differ, `use ipv6s` is read as its page on pod networking wants it: it
includes making and deleting, as `use private-ips` does.
"""

VERBS = ("inspect", "read", "use", "manage")
EVERYTHING = "*"
"""Stands for every permission, named in a table or not: what `manage all-resources` allows."""

# type | what its permissions begin with | inspect | read | use | manage
# A permission with "+" is written whole.
_TYPES = """
vcns | VCN | READ | | | ATTACH DETACH UPDATE CREATE DELETE MOVE
subnets | SUBNET | READ | | ATTACH DETACH | CREATE UPDATE DELETE MOVE
route-tables | ROUTE_TABLE | READ | | | ATTACH DETACH UPDATE CREATE DELETE MOVE
security-lists | SECURITY_LIST | READ | | | ATTACH DETACH UPDATE CREATE DELETE MOVE
dhcp-options | DHCP | READ | | | ATTACH DETACH UPDATE CREATE DELETE MOVE
network-security-groups | NETWORK_SECURITY_GROUP | INSPECT | READ | LIST_SECURITY_RULES LIST_MEMBERS UPDATE_MEMBERS \
| UPDATE CREATE DELETE MOVE UPDATE_SECURITY_RULES
private-ips | PRIVATE_IP | READ | | UPDATE ASSIGN UNASSIGN CREATE DELETE ASSIGN_PUBLIC_IP UNASSIGN_PUBLIC_IP \
| ROUTE_TABLE_ATTACH ROUTE_TABLE_DETACH MOVE
public-ips | PUBLIC_IP | | READ | ASSIGN_PRIVATE_IP UNASSIGN_PRIVATE_IP | UPDATE CREATE DELETE MOVE
publicippool | PUBLIC_IP_POOL | INSPECT | READ | CREATE_PUBLIC_IP_FROM \
| CREATE DELETE UPDATE ADD_CAPACITY REMOVE_CAPACITY MOVE
byoiprange | BYOIP_RANGE | INSPECT | READ | ADD_CAPACITY_FROM \
| CREATE DELETE UPDATE VALIDATE ADVERTISE WITHDRAW MOVE ASSIGN_TO_VCN UNASSIGN_FROM_VCN
ipv6s | IPV6 | | READ | UPDATE CREATE DELETE | MOVE
ipam | IPAM | READ | | |
vlans | VLAN | READ | | UPDATE ATTACH DETACH \
| CREATE DELETE MOVE ASSOCIATE_NETWORK_SECURITY_GROUP DISASSOCIATE_NETWORK_SECURITY_GROUP
vnics | VNIC | READ | | ATTACH DETACH CREATE DELETE UPDATE ASSIGN UNASSIGN \
ASSOCIATE_NETWORK_SECURITY_GROUP DISASSOCIATE_NETWORK_SECURITY_GROUP |
vnic-attachments | VNIC_ATTACHMENT | READ | | |
internet-gateways | INTERNET_GATEWAY | READ | | | ATTACH DETACH UPDATE CREATE DELETE MOVE
nat-gateways | NAT_GATEWAY | | READ | ATTACH DETACH | UPDATE CREATE DELETE MOVE
service-gateways | SERVICE_GATEWAY | READ | | ATTACH DETACH | UPDATE CREATE DELETE ADD_SERVICE DELETE_SERVICE MOVE
local-peering-gateways | LOCAL_PEERING_GATEWAY | READ | | \
| UPDATE ATTACH DETACH CREATE DELETE MOVE CONNECT_FROM CONNECT_TO
local-peering-from | LOCAL_PEERING_GATEWAY | READ | | | CONNECT_FROM
local-peering-to | LOCAL_PEERING_GATEWAY | READ | | | CONNECT_TO
remote-peering-connections | REMOTE_PEERING_CONNECTION | READ | | \
| UPDATE CREATE DELETE RESOURCE_MOVE CONNECT_FROM CONNECT_TO
remote-peering-from | REMOTE_PEERING_CONNECTION | READ | | | CONNECT_FROM
remote-peering-to | REMOTE_PEERING_CONNECTION | READ | | | CONNECT_TO
drg-object | DRG | READ | | ATTACH DETACH | UPDATE CREATE DELETE MOVE
drg-attachments | DRG_ATTACHMENT | READ | | | UPDATE
drg-route-tables | DRG_ROUTE_TABLE | READ +DRG_ROUTE_RULE_READ | | ATTACH \
| CREATE DELETE UPDATE +DRG_ROUTE_RULE_UPDATE
drg-route-distributions | DRG_ROUTE_DISTRIBUTION | READ STATEMENT_READ | | ASSIGN \
| UPDATE CREATE DELETE STATEMENT_UPDATE
cpes | CPE | READ | | | ATTACH DETACH UPDATE CREATE DELETE RESOURCE_MOVE
ipsec-connections | IPSEC_CONNECTION | READ | DEVICE_CONFIG_READ | | CREATE UPDATE DELETE DEVICE_CONFIG_UPDATE
virtual-circuits | VIRTUAL_CIRCUIT | READ | | UPDATE | CREATE DELETE RESOURCE_MOVE
cross-connects | CROSS_CONNECT | READ | | | UPDATE CREATE DELETE RESOURCE_MOVE ATTACH DETACH
cross-connect-groups | CROSS_CONNECT_GROUP | READ | | | UPDATE CREATE DELETE RESOURCE_MOVE
vtaps | VTAP | LIST | READ | UPDATE | CREATE DELETE MOVE
capture-filters | CAPTURE_FILTER | LIST | READ | UPDATE ATTACH DETACH | CREATE DELETE MOVE
instances | INSTANCE | INSPECT | READ | UPDATE CREATE_IMAGE POWER_ACTIONS ATTACH_VOLUME DETACH_VOLUME \
| CREATE DELETE ATTACH_SECONDARY_VNIC DETACH_SECONDARY_VNIC MOVE
instance-images | INSTANCE_IMAGE | INSPECT | READ | UPDATE | CREATE DELETE MOVE
console-histories | CONSOLE_HISTORY | INSPECT | READ | | CREATE DELETE
instance-console-connection | INSTANCE_CONSOLE_CONNECTION | INSPECT | READ | | CREATE DELETE
app-catalog-listing | APP_CATALOG_LISTING | INSPECT | READ | | SUBSCRIBE
volumes | VOLUME | INSPECT | READ | UPDATE WRITE | CREATE DELETE MOVE
volume-attachments | VOLUME_ATTACHMENT | INSPECT | READ | UPDATE | CREATE DELETE
volume-backups | VOLUME_BACKUP | INSPECT | READ | UPDATE COPY | CREATE DELETE MOVE
boot-volume-backups | BOOT_VOLUME_BACKUP | INSPECT | READ | UPDATE COPY | CREATE DELETE MOVE
volume-groups | VOLUME_GROUP | INSPECT | | UPDATE | CREATE DELETE MOVE
clusters | CLUSTER | INSPECT | READ | USE | CREATE DELETE UPDATE MANAGE JOIN
compartments | COMPARTMENT | INSPECT | READ | UPDATE | CREATE DELETE RECOVER
users | USER | INSPECT | READ | UPDATE | CREATE DELETE UNBLOCK APIKEY_ADD APIKEY_REMOVE
groups | GROUP | INSPECT | | UPDATE | CREATE DELETE
dynamic-groups | DYNAMIC_GROUP | INSPECT | | UPDATE | CREATE DELETE
policies | POLICY | READ | | | UPDATE CREATE DELETE
tenancies | TENANCY | INSPECT | | UPDATE |
work-requests | WORKREQUEST | INSPECT | READ | |
"""

_NETWORK = """
vcns subnets route-tables security-lists dhcp-options network-security-groups private-ips public-ips publicippool
byoiprange ipv6s ipam vlans vnics vnic-attachments internet-gateways nat-gateways service-gateways
local-peering-gateways local-peering-from local-peering-to remote-peering-connections remote-peering-from
remote-peering-to drgs cpes ipsec-connections virtual-circuits cross-connects cross-connect-groups vtaps
capture-filters
"""

_FAMILIES = {
    "drgs": "drg-object drg-attachments drg-route-tables drg-route-distributions",
    "virtual-network-family": _NETWORK,
    "instance-family": "instances instance-images console-histories "
    "instance-console-connection app-catalog-listing",
    "volume-family": "volumes volume-attachments volume-backups boot-volume-backups "
    "volume-groups",
    "cluster-family": "clusters",
}

# What a family has beyond its members.
_EXTRAS = {
    "instance-family": (
        "VNIC_READ VNIC_ATTACHMENT_READ VOLUME_ATTACHMENT_INSPECT",
        "VOLUME_ATTACHMENT_READ",
        "VNIC_ATTACH VNIC_DETACH VOLUME_ATTACHMENT_UPDATE",
        "VOLUME_ATTACHMENT_CREATE VOLUME_ATTACHMENT_DELETE",
    )
}

_OTHER_NAMES = {
    "drg-attachment": "drg-attachments",
    "drg-route-table": "drg-route-tables",
    "drg-route-distribution": "drg-route-distributions",
    "ipsec": "ipsec-connections",
    "workrequest": "work-requests",
}

_ELSEWHERE = """
alarms analytics-instances announcements api-gateway-family api-gateways api-deployments audit-events
authentication-policies auto-scaling-configurations autonomous-database-family autonomous-databases
autonomous-backups backup-policies bastion bastion-family bastion-session buckets boot-volumes certificates
cloud-shell cloudevents-rules cluster-networks cluster-node-pools cluster-pod-shapes cluster-placement-groups
cluster-virtualnode-pools cluster-work-requests cluster-workload-mappings compute-capacity-reports
compute-capacity-reservations compute-clusters compute-management-family container-family container-instances
containers credentials data-safe-family database-family databases db-homes db-nodes db-systems
dedicated-vm-hosts dns dns-records dns-resolvers dns-views dns-zones domains email-family export-sets
file-family file-systems fn-app fn-function fn-invocation functions-family iamworkrequest identity-providers
instance-agent-command-family instance-agent-commands instance-agent-family instance-agent-plugins
instance-configurations instance-pools key-delegate key-family keys leaf-certificates leaf-certificate-family
limits load-balancers log-content log-groups loganalytics-features-family logging-family management-agents
metrics mount-targets mysql-family network-load-balancers network-sources nosql-family object-family objects
objectstorage-namespaces ons-family ons-subscriptions ons-topics orm-family orm-jobs orm-stacks osms-family
postgres-db-systems quota quotas repos resource-availability secret-bundles secret-family secrets
serviceconnectors stream-family stream-pools streams tag-defaults tag-namespaces usage-report vaults waas-family
waf-family zpr-policy
"""


Levels = tuple[frozenset[str], ...]
"""What each of the verbs allows."""


def _types() -> dict[str, Levels]:
    """Read the tables: what each verb allows on each type and family."""
    found = {}
    for row in _TYPES.strip().splitlines():
        name, prefix, *levels = (cell.strip() for cell in row.split("|"))
        found[name] = _summed(prefix, levels)
    for name in _ELSEWHERE.split():
        prefix = name.upper().replace("-", "_")
        found[name] = _summed(
            prefix, ["INSPECT", "READ", "USE UPDATE", "CREATE DELETE MOVE MANAGE"]
        )
    for name, members in _FAMILIES.items():
        extras = _summed(
            "", [f"+{' +'.join(x.split())}" for x in _EXTRAS.get(name, ())]
        )
        found[name] = _joined([extras or NOTHING, *(found[m] for m in members.split())])
    found |= {name: found[proper] for name, proper in _OTHER_NAMES.items()}
    found["all-resources"] = (
        *_joined(list(found.values()))[:3],
        frozenset({EVERYTHING}),
    )
    return found


def _summed(prefix: str, levels: list[str]) -> Levels:
    """Add up what the verbs allow, each with those before it."""
    own = [
        frozenset(
            word[1:] if word[0] == "+" else f"{prefix}_{word}" for word in level.split()
        )
        for level in levels
    ]
    return tuple(frozenset().union(*own[: n + 1]) for n in range(len(own)))


def _joined(several: list[Levels]) -> Levels:
    """Put together what several types allow."""
    return tuple(frozenset().union(*level) for level in zip(*several, strict=True))


NOTHING: Levels = (frozenset(),) * len(VERBS)
TYPES = _types()


def allowed(verb: str, type_: str) -> frozenset[str] | None:
    """Give the permissions of a verb on a type, in lower case; None for an unknown type."""
    levels = TYPES.get(type_)
    return None if levels is None else levels[VERBS.index(verb)]
