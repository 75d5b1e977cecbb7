"""What a cloud has beside one VCN: services, peers, DRGs and sites, made by its calls.

hub = Hub(cloud)
attachment = hub.attached(hub.drg(), cloud.vcn())
"""

from typing import Any

from vcn_cloud import Cloud

Json = Any
REGION = "local-1"
SESSION = {
    "oracleInterfaceIp": "10.255.0.0/31",
    "customerInterfaceIp": "10.255.0.1/31",
    "customerBgpAsn": "65000",
}
LINE = {
    "customerBgpPeeringIp": "10.254.0.2/30",
    "oracleBgpPeeringIp": "10.254.0.1/30",
    "vlan": 200,
}


class Hub:
    """Makes gateways, peers, DRGs and sites in a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.home = {"compartmentId": cloud.compartment}

    @property
    def services(self) -> list[Json]:
        """Everything, and Object Storage."""
        return list(self.cloud.get("/services"))

    def inside(self, vcn: Json) -> Json:
        return {**self.home, "vcnId": vcn["id"]}

    def table(self, vcn: Json, *rules: tuple[str, Json]) -> Json:
        """Make a route table; a destination without a slash is a service's."""
        body = {**self.inside(vcn), "routeRules": [route(*rule) for rule in rules]}
        return self.cloud.post("/routeTables", body)

    def service_gateway(self, vcn: Json, *services: Json, **more: object) -> Json:
        ids = [{"serviceId": one["id"]} for one in services]
        body = {**self.inside(vcn), "services": ids, **more}
        return self.cloud.post("/serviceGateways", body)

    def peering(self, vcn: Json, **more: object) -> Json:
        body = {**self.inside(vcn), **more}
        return self.cloud.post("/localPeeringGateways", body)

    def peered(self, one: Json, two: Json) -> tuple[Json, Json]:
        """Peer two VCNs; give both ends."""
        ends = self.peering(one), self.peering(two)
        path = f"/localPeeringGateways/{ends[0]['id']}"
        self.cloud.post(f"{path}/actions/connect", {"peerId": ends[1]["id"]})
        self.cloud.wait(1)
        ours, theirs = (
            self.cloud.get(f"/localPeeringGateways/{end['id']}") for end in ends
        )
        return ours, theirs

    def drg(self, **more: object) -> Json:
        return self.cloud.post("/drgs", {**self.home, **more})

    def attach(self, drg: Json, vcn: Json, **more: object) -> Json:
        network = {"type": "VCN", "id": vcn["id"], **more}
        body = {"drgId": drg["id"], "networkDetails": network}
        return self.cloud.post("/drgAttachments", body)

    def attached(self, drg: Json, vcn: Json, **more: object) -> Json:
        made = self.attach(drg, vcn, **more)
        self.cloud.wait(1)
        return self.cloud.get(f"/drgAttachments/{made['id']}")

    def attachment(self, network: Json) -> Json:
        """Give the attachment of a tunnel, circuit or remote peering connection."""
        found = self.cloud.get(
            "/drgAttachments",
            **self.home,
            networkId=network["id"],
            attachmentType="ALL",
        )
        assert len(found) == 1
        return found[0]

    def cpe(self) -> Json:
        return self.cloud.post("/cpes", {**self.home, "ipAddress": "203.0.113.7"})

    def connection_body(self, drg: Json, **more: object) -> Json:
        return {
            **self.home,
            "drgId": drg["id"],
            "cpeId": self.cpe()["id"],
            "staticRoutes": ["172.16.0.0/12"],
            **more,
        }

    def connection(self, drg: Json, **more: object) -> Json:
        """Make an IPSec connection and wait until its tunnels are up."""
        made = self.cloud.post("/ipsecConnections", self.connection_body(drg, **more))
        self.cloud.wait(1)
        return self.cloud.get(f"/ipsecConnections/{made['id']}")

    def tunnels(self, connection: Json) -> list[Json]:
        return list(self.cloud.get(f"/ipsecConnections/{connection['id']}/tunnels"))

    def circuit(self, drg: Json | None, **more: object) -> Json:
        """Make a virtual circuit and wait until it is provisioned."""
        gateway = {} if drg is None else {"gatewayId": drg["id"]}
        body = {
            **self.home,
            **gateway,
            "type": "PRIVATE",
            "bandwidthShapeName": "1 Gbps",
            "crossConnectMappings": [LINE],
            **more,
        }
        made = self.cloud.post("/virtualCircuits", body)
        self.cloud.wait(1)
        return self.cloud.get(f"/virtualCircuits/{made['id']}")

    def remote(self, drg: Json) -> Json:
        body = {**self.home, "drgId": drg["id"]}
        return self.cloud.post("/remotePeeringConnections", body)

    def joined(self, one: Json, two: Json) -> tuple[Json, Json]:
        """Peer two DRGs; give both ends."""
        ends = self.remote(one), self.remote(two)
        path = f"/remotePeeringConnections/{ends[0]['id']}"
        peer = {"peerId": ends[1]["id"], "peerRegionName": REGION}
        self.cloud.post(f"{path}/actions/connect", peer)
        self.cloud.wait(1)
        ours, theirs = (
            self.cloud.get(f"/remotePeeringConnections/{end['id']}") for end in ends
        )
        return ours, theirs

    def rules(self, table_id: str, **query: str) -> list[Json]:
        return list(
            self.cloud.get(f"/drgRouteTables/{table_id}/drgRouteRules", **query)
        )

    def everything(self) -> dict[str, list[Json]]:
        """Make one of each kind; give what is shown, by the SDK's models."""
        cloud = self.cloud
        one, two = cloud.vcn("10.70.0.0/16"), cloud.vcn("10.71.0.0/16")
        cloud.subnet(one, "10.70.1.0/24")
        gateway = self.service_gateway(one, *self.services)
        peers = self.peered(one, two)
        drg, far = self.drg(), self.drg()
        attachment = self.attached(drg, one)
        connection = self.connection(
            drg,
            tunnelConfiguration=[{"routing": "BGP", "bgpSessionConfig": SESSION}],
        )
        tunnel = self.tunnels(connection)[0]
        circuit = self.circuit(drg)
        remotes = self.joined(drg, far)
        tables = cloud.get("/drgRouteTables", drgId=drg["id"])
        distributions = cloud.get("/drgRouteDistributions", drgId=drg["id"])
        from_vcns = next(d for d in distributions if "VCN" in d["displayName"])
        statements = cloud.get(
            f"/drgRouteDistributions/{from_vcns['id']}/drgRouteDistributionStatements"
        )
        device = f"/ipsecConnections/{connection['id']}"
        status, config = (
            cloud.get(f"{device}/deviceStatus"),
            cloud.get(f"{device}/deviceConfig"),
        )
        inside = f"{device}/tunnels/{tunnel['id']}"
        return {
            "Service": self.services,
            "ServiceGateway": [gateway],
            "ServiceIdResponseDetails": gateway["services"],
            "LocalPeeringGateway": list(peers),
            "Drg": [drg],
            "DefaultDrgRouteTables": [drg["defaultDrgRouteTables"]],
            "DrgAttachment": [attachment],
            "VcnDrgAttachmentNetworkDetails": [attachment["networkDetails"]],
            "IpsecTunnelDrgAttachmentNetworkDetails": [
                self.attachment(tunnel)["networkDetails"]
            ],
            "VirtualCircuitDrgAttachmentNetworkDetails": [
                self.attachment(circuit)["networkDetails"]
            ],
            "RemotePeeringConnectionDrgAttachmentNetworkDetails": [
                self.attachment(remotes[0])["networkDetails"]
            ],
            "DrgAttachmentInfo": cloud.post(
                f"/drgs/{drg['id']}/actions/getAllDrgAttachments"
            ),
            "UpgradeStatus": [cloud.get(f"/drgs/{drg['id']}/actions/upgradeStatus")],
            "DrgRedundancyStatus": [cloud.get(f"/drgs/{drg['id']}/redundancyStatus")],
            "DrgRouteTable": tables,
            "DrgRouteRule": self.rules(tables[0]["id"]),
            "DrgRouteDistribution": distributions,
            "DrgRouteDistributionStatement": statements,
            "DrgAttachmentTypeDrgRouteDistributionMatchCriteria": statements[0][
                "matchCriteria"
            ],
            "Cpe": cloud.get("/cpes", **self.home),
            "IPSecConnection": [connection],
            "IPSecConnectionTunnel": [tunnel],
            "BgpSessionInfo": [tunnel["bgpSessionInfo"]],
            "TunnelPhaseOneDetails": [tunnel["phaseOneDetails"]],
            "TunnelPhaseTwoDetails": [tunnel["phaseTwoDetails"]],
            "IPSecConnectionDeviceStatus": [status],
            "TunnelStatus": status["tunnels"],
            "IPSecConnectionDeviceConfig": [config],
            "TunnelConfig": config["tunnels"],
            "IPSecConnectionTunnelSharedSecret": [cloud.get(f"{inside}/sharedSecret")],
            "TunnelRouteSummary": cloud.get(f"{inside}/routes"),
            "VirtualCircuit": [circuit],
            "CrossConnectMapping": circuit["crossConnectMappings"],
            "VirtualCircuitBandwidthShape": cloud.get(
                "/virtualCircuitBandwidthShapes", **self.home
            ),
            "RemotePeeringConnection": list(remotes),
            "PeerRegionForRemotePeering": cloud.get(
                "/allowedPeerRegionsForRemotePeering"
            ),
        }


def route(destination: str, target: Json) -> Json:
    """Make a route rule's body."""
    kind = "CIDR_BLOCK" if "/" in destination else "SERVICE_CIDR_BLOCK"
    return {
        "destination": destination,
        "destinationType": kind,
        "networkEntityId": target["id"],
    }
