"""A tenancy to try policies in: two compartments, a network in one, an instance in the other.

place = Tenancy()
with place.acting(place.user("ann")):
    place.get(...)
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from vcn_cloud import Cloud, Json

from mooring.core.vcn.iam.principal import Principal

TENANCY = "ocid1.tenancy.oc1..aaaaaaaatenancy"
ROOT = Principal(id="ocid1.user.oc1..aaaaaaaaroot", tenancy=TENANCY, administrator=True)
CLUSTER = "ocid1.cluster.oc1.local-1.aaaaaaaacluster"
# An RSA key of 2048 bits; nobody has its other half.
PEM = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyKU8tgmwpi3105y4nFSx
wHsGtQgsyh9K8XPIbfjtu33/tZQiomfyKANyEyq7phhitAlVE16tht5PggsIjUaU
OGc0iDWAc2rAMqO+Pyr8jbfr6Jjp9KAhepUu9X8mreDimVHN3T8Q+5xQxYTXIWr7
bXgO6jMR5yG1n8Z8N+qtgioWGxJ323sfshT4y/T2TvDflsfa7QVU8QNyOKQunE/s
n/2Oj+2KysGr30U8GbFPUsevzNY9mx7ywGJFuhODX3lL0xvdUGX9fKZB0OwF+6cJ
A4aC4DIK1tMSzPVyEL6M4DBaQblCV0uNg8slZb45IGDXdg6wdN+v399HWoaZBEOc
SQIDAQAB
-----END PUBLIC KEY-----
"""


class Tenancy(Cloud):
    """A cloud with an administrator at work, unless somebody else acts."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed=seed)
        self.caller = ROOT
        self.network = self.make("compartments", "network")["id"]
        self.nodes = self.make("compartments", "nodes")["id"]
        self.compartment = self.network

    def make(self, path: str, name: str, **more: object) -> Json:
        """Make something of the identity service by its name, in the tenancy unless told otherwise."""
        body = {"compartmentId": TENANCY, "name": name, "description": name, **more}
        return self.post(f"/{path}", body)

    def policy(self, *statements: str, **more: object) -> Json:
        """Put statements in force."""
        name = f"policy{len(self.changes)}"
        return self.make("policies", name, statements=list(statements), **more)

    def user(self, name: str, *groups: str) -> Principal:
        """Make a user, in some groups, which are made too."""
        user = self.make("users", name)["id"]
        for group in groups:
            made = self.make("groups", group)["id"]
            self.post("/userGroupMemberships", {"userId": user, "groupId": made})
        return Principal(id=user, tenancy=TENANCY)

    def cluster(self) -> Principal:
        """Give a cluster as a caller."""
        return Principal(id=CLUSTER, kind="cluster", tenancy=TENANCY)

    def workload(self, **claims: str) -> Principal:
        """Give a pod as a caller."""
        claimed: Mapping[str, str] = {
            "namespace": "karpenter",
            "service_account": "karpenter",
            "cluster_id": CLUSTER,
            **claims,
        }
        id = "ocid1.workload.oc1.local-1.aaaaaaaapod"
        return Principal(id=id, kind="workload", tenancy=TENANCY, claims=claimed)

    def node(self, instance: Json) -> Principal:
        """Give an instance as a caller."""
        return Principal(
            id=instance["id"],
            kind="instance",
            tenancy=TENANCY,
            compartment_id=instance["compartmentId"],
        )

    @contextmanager
    def acting(self, caller: Principal) -> Iterator[None]:
        """Let somebody else make the calls."""
        self.caller = caller
        try:
            yield
        finally:
            self.caller = ROOT

    def estate(self) -> tuple[Json, Json, Json]:
        """Make a VCN and a subnet in the one compartment, an instance in the other."""
        vcn = self.vcn()
        subnet = self.subnet(vcn)
        instance = self.instance(subnet, compartmentId=self.nodes)
        return vcn, subnet, instance
