"""DRGs and their attachments."""

import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub, route

RELATED = "RelatedResourceNotAuthorizedOrNotFound"
MISSING = "ocid1.x.oc1..gone"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


def test_a_drg_is_born_with_tables_and_distributions(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg(displayName="hub")
    of = {"drgId": drg["id"]}
    tables = {t["id"]: t for t in cloud.get("/drgRouteTables", **of)}
    distributions = {d["id"]: d for d in cloud.get("/drgRouteDistributions", **of)}
    defaults = drg["defaultDrgRouteTables"]
    exports = distributions[drg["defaultExportDrgRouteDistributionId"]]

    assert set(defaults.values()) == set(tables)
    assert len(tables) == 2
    assert len(distributions) == 3
    assert len(set(defaults.values())) == 2
    assert defaults["ipsecTunnel"] == defaults["virtualCircuit"]
    assert exports["distributionType"] == "EXPORT"
    learns = tables[defaults["vcn"]]["importDrgRouteDistributionId"]
    path = f"/drgRouteDistributions/{learns}/drgRouteDistributionStatements"
    assert cloud.get(path)[0]["matchCriteria"] == [{"matchType": "MATCH_ALL"}]
    assert cloud.get("/drgs", **hub.home) == [drg]


def test_a_drg_s_default_tables_change(cloud: Cloud, hub: Hub) -> None:
    drg, other = hub.drg(), hub.drg()
    path = f"/drgs/{drg['id']}"
    table = cloud.post("/drgRouteTables", {"drgId": drg["id"]})
    wanted = {"defaultDrgRouteTables": {"vcn": table["id"]}}
    shown = cloud.put(path, wanted)

    assert shown["defaultDrgRouteTables"]["vcn"] == table["id"]
    assert (
        shown["defaultDrgRouteTables"]["ipsecTunnel"]
        == drg["defaultDrgRouteTables"]["ipsecTunnel"]
    )
    assert hub.attach(drg, cloud.vcn())["drgRouteTableId"] == table["id"]
    foreign = {"defaultDrgRouteTables": {"vcn": other["defaultDrgRouteTables"]["vcn"]}}
    assert "defaultDrgRouteTables.vcn" in cloud.refused("PUT", path, foreign)[2]


def test_a_drg_is_upgraded(cloud: Cloud, hub: Hub) -> None:
    path = f"/drgs/{hub.drg()['id']}/actions"

    assert cloud.get(f"{path}/upgradeStatus")["status"] == "UPGRADED"
    assert cloud.refused("POST", f"{path}/upgrade")[:2] == (409, "Conflict")


def test_how_redundant_a_drg_is(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    path = f"/drgs/{drg['id']}/redundancyStatus"

    def status() -> str:
        return str(cloud.get(path)["status"]).removeprefix("NOT_REDUNDANT_")

    assert status() == "NO_CONNECTION"
    cpe = {"cpeId": hub.cpe()["id"]}
    first = hub.connection(drg, **cpe)
    assert status() == "SINGLE_IPSEC"
    hub.connection(drg, **cpe)
    assert status() == "MULTIPLE_IPSECS"
    hub.connection(drg)
    assert status() == "REDUNDANT"
    for one in cloud.get("/ipsecConnections", **hub.home, drgId=drg["id"]):
        cloud.delete(f"/ipsecConnections/{one['id']}")
    assert cloud.get("/ipsecConnections", **hub.home, cpeId=first["cpeId"]) == []
    hub.circuit(drg)
    assert status() == "SINGLE_VIRTUALCIRCUIT"


def test_a_drg_that_is_used_stays(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    path = f"/drgs/{drg['id']}"
    attachment = hub.attached(drg, vcn)
    circuit = hub.circuit(drg)

    assert circuit["id"] in cloud.refused("DELETE", path)[2]
    cloud.delete(f"/virtualCircuits/{circuit['id']}")
    assert attachment["id"] in cloud.refused("DELETE", path)[2]
    assert attachment["id"] in cloud.refused("DELETE", f"/vcns/{vcn['id']}")[2]
    cloud.delete(f"/drgAttachments/{attachment['id']}")
    assert cloud.refused("DELETE", path)[1] == "Conflict"
    cloud.wait(1)
    cloud.delete(path)
    cloud.delete(f"/vcns/{vcn['id']}")
    assert cloud.refused("GET", path)[0] == 404
    kept = cloud.get(f"/drgAttachments/{attachment['id']}")
    assert kept["lifecycleState"] == "DETACHED"
    for table in set(drg["defaultDrgRouteTables"].values()):
        assert cloud.refused("GET", f"/drgRouteTables/{table}")[0] == 404
    cloud.wait(3600)
    assert cloud.refused("GET", f"/drgAttachments/{attachment['id']}")[0] == 404


# -- attachments


def test_an_attachment_passes_through_its_states(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    made = hub.attach(drg, vcn)
    path = f"/drgAttachments/{made['id']}"

    assert made["lifecycleState"] == "ATTACHING"
    assert made["drgRouteTableId"] == drg["defaultDrgRouteTables"]["vcn"]
    assert made["exportDrgRouteDistributionId"] is None
    assert made["networkDetails"] == {
        "type": "VCN",
        "id": vcn["id"],
        "routeTableId": None,
        "vcnRouteType": "SUBNET_CIDRS",
    }
    assert cloud.refused("DELETE", path)[:2] == (409, "IncorrectState")
    cloud.wait(1)
    assert cloud.get(path)["lifecycleState"] == "ATTACHED"
    cloud.delete(path)
    assert cloud.get(path)["lifecycleState"] == "DETACHING"
    assert cloud.refused("PUT", path, {})[:2] == (409, "IncorrectState")
    again = {"drgId": drg["id"], "vcnId": vcn["id"]}
    assert cloud.refused("POST", "/drgAttachments", again)[:2] == (409, "Conflict")
    cloud.wait(1)
    assert cloud.get(path)["lifecycleState"] == "DETACHED"
    assert hub.attached(drg, vcn)["lifecycleState"] == "ATTACHED"


def test_the_older_form_attaches_too(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    ip = cloud.post("/privateIps", {"subnetId": cloud.subnet(vcn)["id"]})
    table = hub.table(vcn, ("10.0.1.0/24", ip))
    body = {"drgId": drg["id"], "vcnId": vcn["id"], "routeTableId": table["id"]}
    made = cloud.post("/drgAttachments", body)

    assert (made["vcnId"], made["routeTableId"]) == (vcn["id"], table["id"])
    assert table["id"] in cloud.refused("DELETE", f"/routeTables/{table['id']}")[2]
    cloud.wait(1)
    path = f"/drgAttachments/{made['id']}"
    assert cloud.put(path, {"routeTableId": ""})["routeTableId"] is None


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"drgId": MISSING}, "NotAuthorizedOrNotFound", MISSING),
        ({"networkDetails": None}, "MissingParameter", "networkDetails"),
        ({"networkDetails": {"type": "VCN"}}, "MissingParameter", "networkDetails.id"),
        (
            {"networkDetails": {"type": "IPSEC_TUNNEL", "id": "x"}},
            "InvalidParameter",
            "networkDetails.type",
        ),
        (
            {"networkDetails": {"type": "VCN", "id": MISSING}},
            "NotAuthorizedOrNotFound",
            MISSING,
        ),
        ({"vcnId": "x"}, "InvalidParameter", "vcnId"),
        ({"drgRouteTableId": MISSING}, RELATED, "drgRouteTableId"),
    ],
)
def test_an_attachment_that_cannot_be_is_refused(
    cloud: Cloud, hub: Hub, change: dict[str, object], code: str, words: str
) -> None:
    network = {"type": "VCN", "id": cloud.vcn()["id"]}
    body = {"drgId": hub.drg()["id"], "networkDetails": network, **change}

    _, got, message = cloud.refused("POST", "/drgAttachments", body)

    assert got == code
    assert words in message


def test_an_attachment_changes(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    attachment = hub.attached(drg, vcn)
    path = f"/drgAttachments/{attachment['id']}"
    table = cloud.post("/drgRouteTables", {"drgId": drg["id"]})
    network = {"type": "VCN", "vcnRouteType": "VCN_CIDRS"}
    shown = cloud.put(
        path,
        {
            "displayName": "x",
            "drgRouteTableId": table["id"],
            "networkDetails": network,
        },
    )

    assert shown["drgRouteTableId"] == table["id"]
    assert shown["networkDetails"]["vcnRouteType"] == "VCN_CIDRS"
    assert cloud.put(path, {"networkDetails": {"type": "VCN"}})["displayName"] == "x"
    assert cloud.refused("DELETE", f"/drgRouteTables/{table['id']}")[2].count(
        attachment["id"]
    )
    wrong = {"exportDrgRouteDistributionId": drg["defaultExportDrgRouteDistributionId"]}
    assert cloud.refused("PUT", path, wrong)[1] == "InvalidParameter"


def test_other_attachments_export_and_are_not_vcns(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    attachment = hub.attachment(hub.circuit(drg))
    path = f"/drgAttachments/{attachment['id']}"
    export = drg["defaultExportDrgRouteDistributionId"]

    assert attachment["networkDetails"]["type"] == "VIRTUAL_CIRCUIT"
    assert attachment["vcnId"] is None
    assert attachment["exportDrgRouteDistributionId"] == export
    removed = cloud.post(f"{path}/actions/removeExportDrgRouteDistribution")
    assert removed["exportDrgRouteDistributionId"] is None
    shown = cloud.put(path, {"exportDrgRouteDistributionId": export})
    assert shown["exportDrgRouteDistributionId"] == export
    for body, words in (
        ({"networkDetails": {"type": "VCN"}}, "networkDetails"),
        ({"routeTableId": "x"}, "routeTableId"),
        ({"exportDrgRouteDistributionId": "x"}, "exportDrgRouteDistributionId"),
    ):
        assert words in cloud.refused("PUT", path, body)[2]
    imports = cloud.post(
        "/drgRouteDistributions", {"drgId": drg["id"], "distributionType": "IMPORT"}
    )
    wrong = {"exportDrgRouteDistributionId": imports["id"]}
    assert "EXPORT" in cloud.refused("PUT", path, wrong)[2]
    foreign = hub.drg()["defaultExportDrgRouteDistributionId"]
    wrong = {"exportDrgRouteDistributionId": foreign}
    assert cloud.refused("PUT", path, wrong)[1] == RELATED
    status, code, message = cloud.refused("DELETE", path)
    assert (status, code) == (409, "Conflict")
    assert "VIRTUAL_CIRCUIT" in message


def test_a_vcn_that_routes_to_a_drg_stays_attached(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    body = {**hub.inside(vcn), "routeRules": [route("172.16.0.0/12", drg)]}

    assert cloud.refused("POST", "/routeTables", body)[1] == RELATED
    other = hub.attached(drg, cloud.vcn("10.9.0.0/16"))
    assert cloud.refused("POST", "/routeTables", body)[1] == RELATED
    attachment = hub.attached(drg, vcn)
    table = cloud.post("/routeTables", body)
    path = f"/drgAttachments/{attachment['id']}"
    assert table["id"] in cloud.refused("DELETE", path)[2]
    cloud.delete(f"/drgAttachments/{other['id']}")
    cloud.delete(f"/routeTables/{table['id']}")
    cloud.delete(path)


def test_attachments_are_listed_by_what_they_are(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    attachment = hub.attached(drg, vcn)
    connection = hub.connection(drg)
    tunnels = [hub.attachment(one)["id"] for one in hub.tunnels(connection)]

    def listed(**query: str) -> set[str]:
        found = cloud.get("/drgAttachments", **hub.home, **query)
        return {one["id"] for one in found}

    assert listed() == {attachment["id"]}
    assert listed(attachmentType="ALL") == {attachment["id"], *tunnels}
    assert listed(attachmentType="IPSEC_TUNNEL") == set(tunnels)
    assert listed(attachmentType="VIRTUAL_CIRCUIT") == set()
    assert listed(vcnId=vcn["id"]) == listed(networkId=vcn["id"]) == {attachment["id"]}
    assert listed(drgId="x") == set()
    assert listed(drgRouteTableId=attachment["drgRouteTableId"]) == {attachment["id"]}
    every = f"/drgs/{drg['id']}/actions/getAllDrgAttachments"
    shown = cloud.post(every, query={"attachmentType": "IPSEC_TUNNEL"})
    assert {one["id"] for one in shown} == set(tunnels)
    assert len(cloud.post(every)) == 3
