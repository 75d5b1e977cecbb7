"""A DRG's route tables and distributions over the API."""

from typing import Any

import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.limits import ROUTES_PER_DRG_TABLE, STATEMENTS_PER_DISTRIBUTION

Json = Any
RELATED = "RelatedResourceNotAuthorizedOrNotFound"
MATCH_ALL = [{"matchType": "MATCH_ALL"}]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


class Table:
    """A DRG with one VCN, and a table of its own."""

    def __init__(self, hub: Hub) -> None:
        self.cloud = hub.cloud
        self.drg = hub.drg()
        self.attachment = hub.attached(self.drg, self.cloud.vcn())
        made = self.cloud.post("/drgRouteTables", {"drgId": self.drg["id"]})
        self.path = f"/drgRouteTables/{made['id']}"

    def rule(self, destination: str, **more: str) -> dict[str, str]:
        return {
            "destinationType": "CIDR_BLOCK",
            "destination": destination,
            "nextHopDrgAttachmentId": self.attachment["id"],
            **more,
        }

    def add(self, *destinations: str) -> Json:
        rules = [self.rule(one) for one in destinations]
        return self.cloud.post(
            f"{self.path}/actions/addDrgRouteRules", {"routeRules": rules}
        )

    def refused(self, action: str, body: object) -> tuple[str, str]:
        return self.cloud.refused("POST", f"{self.path}/actions/{action}", body)[1:]

    @property
    def rules(self) -> Json:
        return self.cloud.get(f"{self.path}/drgRouteRules")


@pytest.fixture
def table(hub: Hub) -> Table:
    return Table(hub)


def test_static_rules_are_added_changed_and_removed(cloud: Cloud, table: Table) -> None:
    one, two = table.add("10.1.0.0/16", "2001:DB8::/32")

    assert (one["routeType"], one["routeProvenance"]) == ("STATIC", "STATIC")
    assert two["destination"] == "2001:db8::/32"
    assert not one["isBlackhole"]
    assert table.rules == [one, two]
    shown = cloud.post(
        f"{table.path}/actions/updateDrgRouteRules",
        {
            "routeRules": [
                {"id": one["id"], "destination": "10.2.0.0/16"},
                {
                    "id": two["id"],
                    "nextHopDrgAttachmentId": table.attachment["id"],
                },
            ]
        },
    )
    assert [rule["destination"] for rule in shown] == ["10.2.0.0/16", "2001:db8::/32"]
    removed = {"routeRuleIds": [one["id"]]}
    cloud.post(f"{table.path}/actions/removeDrgRouteRules", removed)
    assert table.rules == [two]
    assert cloud.get(f"{table.path}/drgRouteRules", routeType="DYNAMIC") == []
    for action in ("addDrgRouteRules", "updateDrgRouteRules", "removeDrgRouteRules"):
        cloud.post(f"{table.path}/actions/{action}", {})
    assert table.rules == [two]


def test_a_rule_of_a_drg_that_cannot_be_is_refused(
    cloud: Cloud, hub: Hub, table: Table
) -> None:
    (old,) = table.add("10.1.0.0/16")
    foreign = hub.attached(hub.drg(), cloud.vcn("10.9.0.0/16"))["id"]
    add, update, remove = (f"{v}DrgRouteRules" for v in ("add", "update", "remove"))

    for action, rule, code, words in (
        (add, table.rule("10.1.0.0/16"), "InvalidParameter", "twice"),
        (add, table.rule("10.1.0.1/16"), "InvalidParameter", "routeRules[0]"),
        (
            add,
            table.rule("::/0", nextHopDrgAttachmentId=foreign),
            RELATED,
            "nextHopDrgAttachmentId",
        ),
        (add, table.rule("::/0", nextHopDrgAttachmentId="x"), RELATED, '"x"'),
        (update, {"id": "x"}, "InvalidParameter", "routeRules[0].id"),
        (update, {"id": old["id"], "destination": "1"}, "InvalidParameter", "block"),
    ):
        got, message = table.refused(action, {"routeRules": [rule]})
        assert got == code
        assert words in message
    assert "routeRuleIds[0]" in table.refused(remove, {"routeRuleIds": ["x"]})[1]


def test_a_rule_without_an_attachment_is_a_black_hole(
    cloud: Cloud, table: Table
) -> None:
    table.add("10.1.0.0/16")
    cloud.delete(f"/drgAttachments/{table.attachment['id']}")
    cloud.wait(1)

    assert table.rules[0]["isBlackhole"]
    again = {"routeRules": [table.rule("10.2.0.0/16")]}
    assert table.refused("addDrgRouteRules", again)[0] == RELATED


def test_a_table_has_so_many_static_rules(table: Table) -> None:
    table.add(*(f"10.{n}.0.0/16" for n in range(ROUTES_PER_DRG_TABLE)))
    more = {"routeRules": [table.rule("172.16.0.0/12")]}

    assert table.refused("addDrgRouteRules", more)[0] == "LimitExceeded"


def test_a_table_learns_by_a_distribution(cloud: Cloud, hub: Hub, table: Table) -> None:
    of = {"drgId": table.drg["id"], "distributionType": "IMPORT"}
    imports = cloud.post("/drgRouteDistributions", of)
    changes = {"importDrgRouteDistributionId": imports["id"], "isEcmpEnabled": True}
    shown = cloud.put(table.path, changes)

    assert shown["importDrgRouteDistributionId"] == imports["id"]
    assert shown["isEcmpEnabled"]
    path = f"/drgRouteDistributions/{imports['id']}"
    assert cloud.refused("DELETE", path)[1] == "Conflict"
    listed = cloud.get(
        "/drgRouteTables",
        drgId=table.drg["id"],
        importDrgRouteDistributionId=imports["id"],
    )
    assert listed == [shown]
    shown = cloud.post(f"{table.path}/actions/removeImportDrgRouteDistribution")
    assert shown["importDrgRouteDistributionId"] is None
    cloud.delete(path)
    export = table.drg["defaultExportDrgRouteDistributionId"]
    wrong = {"importDrgRouteDistributionId": export}
    assert "IMPORT" in cloud.refused("PUT", table.path, wrong)[2]
    wrong = {"importDrgRouteDistributionId": "x"}
    assert cloud.refused("PUT", table.path, wrong)[1] == RELATED
    cloud.delete(table.path)


def test_defaults_stay_with_their_drg(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    export = drg["defaultExportDrgRouteDistributionId"]

    for path in (
        f"/drgRouteTables/{drg['defaultDrgRouteTables']['vcn']}",
        f"/drgRouteDistributions/{export}",
    ):
        assert cloud.refused("DELETE", path)[:2] == (409, "Conflict")


# -- distributions


class Distribution:
    """A DRG with one VCN, and a distribution of its own."""

    def __init__(self, hub: Hub) -> None:
        self.cloud = hub.cloud
        self.drg = hub.drg()
        self.attachment = hub.attached(self.drg, self.cloud.vcn())
        of = {"drgId": self.drg["id"], "distributionType": "IMPORT"}
        made = self.cloud.post("/drgRouteDistributions", of)
        self.path = f"/drgRouteDistributions/{made['id']}"
        self.whole = f"{self.path}/drgRouteDistributionStatements"

    def act(self, verb: str) -> str:
        return f"{self.path}/actions/{verb}DrgRouteDistributionStatements"

    def add(self, *criteria: object) -> Json:
        given = [statement(n, one) for n, one in enumerate(criteria)]
        return self.cloud.post(self.act("add"), {"statements": given})


def statement(priority: int, criteria: object) -> dict[str, object]:
    return {"action": "ACCEPT", "priority": priority, "matchCriteria": criteria}


@pytest.fixture
def distribution(hub: Hub) -> Distribution:
    return Distribution(hub)


def test_statements_are_added_changed_and_removed(
    cloud: Cloud, distribution: Distribution
) -> None:
    by_id = [
        {
            "matchType": "DRG_ATTACHMENT_ID",
            "drgAttachmentId": distribution.attachment["id"],
        }
    ]
    by_type = [{"matchType": "DRG_ATTACHMENT_TYPE", "attachmentType": "VCN"}]
    added = distribution.add(by_id, by_type, MATCH_ALL, [])

    assert [one["matchCriteria"] for one in added] == [by_id, by_type, MATCH_ALL, []]
    assert [one["priority"] for one in added] == [0, 1, 2, 3]
    assert cloud.get(distribution.whole) == added
    assert cloud.get(distribution.whole, sortOrder="DESC") == added[::-1]
    changed = cloud.post(
        distribution.act("update"),
        {
            "statements": [
                {"id": added[0]["id"], "priority": 9},
                {"id": added[1]["id"], "matchCriteria": by_id},
            ]
        },
    )
    assert [one["priority"] for one in changed] == [9, 1]
    assert changed[1]["matchCriteria"] == by_id
    gone = {"statementIds": [one["id"] for one in added[:3]]}
    cloud.post(distribution.act("remove"), gone)
    assert cloud.get(distribution.whole) == added[3:]
    cloud.post(distribution.act("remove"), {})
    assert cloud.put(distribution.path, {"displayName": "x"})["displayName"] == "x"
    cloud.delete(distribution.path)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (statement(0, MATCH_ALL), "InvalidParameter", "statements.priority"),
        (statement(1, [{"matchType": "MATCH"}]), "InvalidParameter", "matchType"),
        (
            statement(1, [{"matchType": "DRG_ATTACHMENT_TYPE"}]),
            "MissingParameter",
            "statements[0].matchCriteria[0].attachmentType",
        ),
        (
            statement(1, [{"matchType": "DRG_ATTACHMENT_ID", "drgAttachmentId": "x"}]),
            RELATED,
            "statements[0].matchCriteria[0].drgAttachmentId",
        ),
        (statement(65536, []), "InvalidParameter", "priority"),
    ],
)
def test_a_statement_that_cannot_be_is_refused(
    cloud: Cloud,
    distribution: Distribution,
    given: dict[str, object],
    code: str,
    words: str,
) -> None:
    distribution.add(MATCH_ALL)
    body = {"statements": [given]}

    _, got, message = cloud.refused("POST", distribution.act("add"), body)

    assert got == code
    assert words in message


def test_an_unknown_statement_refuses_all(
    cloud: Cloud, distribution: Distribution
) -> None:
    for verb, body in (
        ("update", {"statements": [{"id": "x"}]}),
        ("remove", {"statementIds": ["x"]}),
    ):
        assert '"x"' in cloud.refused("POST", distribution.act(verb), body)[2]


def test_a_distribution_has_so_many_statements(
    cloud: Cloud, distribution: Distribution
) -> None:
    distribution.add(*[MATCH_ALL] * STATEMENTS_PER_DISTRIBUTION)
    body = {"statements": [statement(1000, [])]}

    assert cloud.refused("POST", distribution.act("add"), body)[1] == "LimitExceeded"
