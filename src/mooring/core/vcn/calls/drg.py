"""Dynamic routing gateways, their attachments, route tables and route distributions."""

from mooring.core.vcn.acts import drg_tables, drgs, listing
from mooring.core.vcn.api.fields import (
    CREATE,
    PAGE,
    RENAME,
    ROUTE_TABLE_OR_NONE,
    SORTED,
    YES_OR_NO,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    distinct,
    flag,
    group,
    ocid,
    one_of,
    text,
    unbuilt,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import ROUTES_PER_DRG_TABLE, STATEMENTS_PER_DISTRIBUTION
from mooring.core.vcn.model import (
    Drg,
    DrgAttachment,
    DrgRouteDistribution,
    DrgRouteTable,
)

_ATTACHMENT = "/drgAttachments/{id}"
_TABLE = "/drgRouteTables/{id}"
_DISTRIBUTION = "/drgRouteDistributions/{id}"

_DEFAULTS = group({name: Field(ocid) for name in drgs.DEFAULTS})

UPDATE_DRG: Fields = {**RENAME, "defaultDrgRouteTables": Field(_DEFAULTS)}

_TYPE = one_of(*drgs.TABLES)

_TYPE_OR_ALL = one_of(*drgs.TABLES, drgs.ALL)

_VCN: Fields = {
    "type": need(one_of("VCN")),
    "routeTableId": Field(ROUTE_TABLE_OR_NONE),
    "vcnRouteType": Field(one_of("VCN_CIDRS", "SUBNET_CIDRS")),
}

_ROUTED: Fields = {
    **RENAME,
    "drgRouteTableId": Field(ocid),
    "routeTableId": Field(ROUTE_TABLE_OR_NONE),
    "drgNatPolicyId": Field(unbuilt),
    "doesPreserveOriginalRoutesWithNat": Field(unbuilt),
}

CREATE_ATTACHMENT: Fields = {
    **_ROUTED,
    "drgId": need(ocid),
    "vcnId": Field(ocid),
    "networkDetails": Field(group({**_VCN, "id": Field(ocid)})),
}

UPDATE_ATTACHMENT: Fields = {
    **_ROUTED,
    "networkDetails": Field(group(_VCN)),
    "exportDrgRouteDistributionId": Field(ocid),
}

LIST_ATTACHMENTS: Fields = {
    **SORTED,
    "vcnId": Field(ocid),
    "drgId": Field(ocid),
    "networkId": Field(ocid),
    "drgRouteTableId": Field(ocid),
    "attachmentType": Field(_TYPE_OR_ALL),
    "drgNatPolicyId": Field(unbuilt),
}

ALL_ATTACHMENTS: Fields = {
    **PAGE,
    "attachmentType": Field(_TYPE_OR_ALL),
    "isCrossTenancy": Field(YES_OR_NO),  # there is one tenancy
}

_LEARNING: Fields = {
    "importDrgRouteDistributionId": Field(ocid),
    "isEcmpEnabled": Field(flag),
}

CREATE_TABLE: Fields = {**RENAME, **_LEARNING, "drgId": need(ocid)}

UPDATE_TABLE: Fields = {**RENAME, **_LEARNING}

_ORDERED: Fields = {
    **PAGE,
    "sortBy": Field(one_of("TIMECREATED", "DISPLAYNAME")),
    "sortOrder": Field(one_of("ASC", "DESC")),
}

_OF_DRG: Fields = {
    **_ORDERED,
    "drgId": need(ocid),
    "displayName": Field(text()),
    "lifecycleState": Field(text()),
}

LIST_TABLES: Fields = {**_OF_DRG, "importDrgRouteDistributionId": Field(ocid)}

ADDED_RULE: Fields = {
    "destinationType": need(one_of("CIDR_BLOCK")),
    "destination": need(text()),
    "nextHopDrgAttachmentId": need(ocid),
}

CHANGED_RULE: Fields = {
    "id": need(text()),
    "destinationType": Field(one_of("CIDR_BLOCK")),
    "destination": Field(text()),
    "nextHopDrgAttachmentId": Field(ocid),
}

ADD_RULES: Fields = {
    "routeRules": Field(list_of(group(ADDED_RULE), 0, ROUTES_PER_DRG_TABLE))
}

UPDATE_RULES: Fields = {
    "routeRules": Field(list_of(group(CHANGED_RULE), 0, ROUTES_PER_DRG_TABLE))
}

REMOVE_RULES: Fields = {
    "routeRuleIds": Field(distinct(list_of(text(), 0, ROUTES_PER_DRG_TABLE)))
}

LIST_RULES: Fields = {**PAGE, "routeType": Field(one_of("STATIC", "DYNAMIC"))}

CREATE_DISTRIBUTION: Fields = {
    **RENAME,
    "drgId": need(ocid),
    "distributionType": need(one_of(drgs.IMPORT)),
}

_CRITERIA = list_of(
    group(
        {
            "matchType": need(one_of(*drg_tables.CRITERIA)),
            "attachmentType": Field(_TYPE),
            "drgAttachmentId": Field(ocid),
        }
    ),
    0,
    10,
)

_PRIORITY = whole(0, 65535)

ADDED_STATEMENT: Fields = {
    "matchCriteria": need(_CRITERIA),
    "action": need(one_of("ACCEPT")),
    "priority": need(_PRIORITY),
}

CHANGED_STATEMENT: Fields = {
    "id": need(text()),
    "matchCriteria": Field(_CRITERIA),
    "priority": Field(_PRIORITY),
}

ADD_STATEMENTS: Fields = {
    "statements": need(list_of(group(ADDED_STATEMENT), 1, STATEMENTS_PER_DISTRIBUTION))
}

UPDATE_STATEMENTS: Fields = {
    "statements": need(
        list_of(group(CHANGED_STATEMENT), 1, STATEMENTS_PER_DISTRIBUTION)
    )
}

REMOVE_STATEMENTS: Fields = {
    "statementIds": Field(distinct(list_of(text(), 0, STATEMENTS_PER_DISTRIBUTION)))
}

_DRG = routes(
    Crud(
        path="drgs",
        name="Drg",
        kind=Drg,
        create=(CREATE, drgs.create),
        update=(UPDATE_DRG, drgs.update),
        list=(SORTED, listing.lister(Drg)),
    ),
    Crud(
        path="drgAttachments",
        name="DrgAttachment",
        kind=DrgAttachment,
        create=(CREATE_ATTACHMENT, drgs.attach),
        update=(UPDATE_ATTACHMENT, drgs.update_attachment),
        delete=drgs.detach,
        list=(LIST_ATTACHMENTS, drgs.list_attachments),
    ),
) | {
    ("POST", "/drgs/{id}/actions/getAllDrgAttachments"): Operation(
        name="GetAllDrgAttachments",
        kind=Drg,
        query=ALL_ATTACHMENTS,
        act=drgs.all_attachments,
    ),
    ("POST", "/drgs/{id}/actions/upgrade"): Operation(
        name="UpgradeDrg", kind=Drg, act=drgs.upgrade
    ),
    ("GET", "/drgs/{id}/actions/upgradeStatus"): Operation(
        name="GetUpgradeStatus", kind=Drg, act=drgs.upgrade_status
    ),
    ("GET", "/drgs/{id}/redundancyStatus"): Operation(
        name="GetDrgRedundancyStatus", kind=Drg, act=drgs.redundancy
    ),
    ("POST", f"{_ATTACHMENT}/actions/removeExportDrgRouteDistribution"): Operation(
        name="RemoveExportDrgRouteDistribution",
        kind=DrgAttachment,
        act=drgs.remove_export,
    ),
}

_TABLES = routes(
    Crud(
        path="drgRouteTables",
        name="DrgRouteTable",
        kind=DrgRouteTable,
        create=(CREATE_TABLE, drg_tables.create_table),
        update=(UPDATE_TABLE, drg_tables.update_table),
        list=(LIST_TABLES, listing.lister(DrgRouteTable)),
    )
) | {
    ("GET", f"{_TABLE}/drgRouteRules"): Operation(
        name="ListDrgRouteRules",
        kind=DrgRouteTable,
        query=LIST_RULES,
        act=drg_tables.list_rules,
    ),
    ("POST", f"{_TABLE}/actions/addDrgRouteRules"): Operation(
        name="AddDrgRouteRules",
        kind=DrgRouteTable,
        body=ADD_RULES,
        act=drg_tables.add_rules,
    ),
    ("POST", f"{_TABLE}/actions/updateDrgRouteRules"): Operation(
        name="UpdateDrgRouteRules",
        kind=DrgRouteTable,
        body=UPDATE_RULES,
        act=drg_tables.update_rules,
    ),
    ("POST", f"{_TABLE}/actions/removeDrgRouteRules"): Operation(
        name="RemoveDrgRouteRules",
        kind=DrgRouteTable,
        body=REMOVE_RULES,
        act=drg_tables.remove_rules,
    ),
    ("POST", f"{_TABLE}/actions/removeImportDrgRouteDistribution"): Operation(
        name="RemoveImportDrgRouteDistribution",
        kind=DrgRouteTable,
        act=drg_tables.remove_import,
    ),
}

_DISTRIBUTIONS = routes(
    Crud(
        path="drgRouteDistributions",
        name="DrgRouteDistribution",
        kind=DrgRouteDistribution,
        create=(CREATE_DISTRIBUTION, drg_tables.create_distribution),
        update=(RENAME, drg_tables.update_distribution),
        list=(_OF_DRG, listing.lister(DrgRouteDistribution)),
    )
) | {
    ("GET", f"{_DISTRIBUTION}/drgRouteDistributionStatements"): Operation(
        name="ListDrgRouteDistributionStatements",
        kind=DrgRouteDistribution,
        query=_ORDERED,
        act=drg_tables.list_statements,
    ),
    ("POST", f"{_DISTRIBUTION}/actions/addDrgRouteDistributionStatements"): Operation(
        name="AddDrgRouteDistributionStatements",
        kind=DrgRouteDistribution,
        body=ADD_STATEMENTS,
        act=drg_tables.add_statements,
    ),
    (
        "POST",
        f"{_DISTRIBUTION}/actions/updateDrgRouteDistributionStatements",
    ): Operation(
        name="UpdateDrgRouteDistributionStatements",
        kind=DrgRouteDistribution,
        body=UPDATE_STATEMENTS,
        act=drg_tables.update_statements,
    ),
    (
        "POST",
        f"{_DISTRIBUTION}/actions/removeDrgRouteDistributionStatements",
    ): Operation(
        name="RemoveDrgRouteDistributionStatements",
        kind=DrgRouteDistribution,
        body=REMOVE_STATEMENTS,
        act=drg_tables.remove_statements,
    ),
}

ROUTES = {**_DRG, **_TABLES, **_DISTRIBUTIONS}
