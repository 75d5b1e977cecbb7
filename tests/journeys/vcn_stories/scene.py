"""What all stories of the local VCN begin with: who asks, where, and what there must be first."""

from dataclasses import dataclass

from journeys.local_vcn import LocalVcn
from oci.core import ComputeClient, VirtualNetworkClient
from oci.core import models as m
from oci.identity import IdentityClient
from oci.identity.models import CreateCompartmentDetails
from oci.limits import LimitsClient
from oci.work_requests import WorkRequestClient

DOMAIN = "moor:LOCAL-1-AD-1"


@dataclass
class Scene:
    """Who asks, in which compartment, and where things are moved to."""

    server: LocalVcn
    home: str
    elsewhere: str

    def __post_init__(self) -> None:
        self.network = self.server.client(VirtualNetworkClient)
        self.compute = self.server.client(ComputeClient)
        self.identity = self.server.client(IdentityClient)
        self.work = self.server.client(WorkRequestClient)
        self.limits = self.server.client(LimitsClient)

    def vcn(self, cidr: str, **more: object) -> m.Vcn:
        details = m.CreateVcnDetails(
            compartment_id=self.home, cidr_blocks=[cidr], **more
        )
        return self.network.create_vcn(details).data

    def subnet(self, vcn: m.Vcn, cidr: str, **more: object) -> m.Subnet:
        details = m.CreateSubnetDetails(**self.inside(vcn), cidr_block=cidr, **more)
        return self.network.create_subnet(details).data

    def inside(self, vcn: m.Vcn) -> dict[str, str]:
        return {"compartment_id": self.home, "vcn_id": vcn.id}


def a_scene(server: LocalVcn) -> Scene:
    """Give the scene of a server; its other compartment is made by the identity API."""
    home = server.init()["tenancy"]
    details = CreateCompartmentDetails(
        compartment_id=home, name="elsewhere", description="Where things are moved to"
    )
    made = server.client(IdentityClient).create_compartment(details).data
    return Scene(server, home, made.id)
