"""Fields that many calls have; those of one family stand with its calls, in `calls/`.

Names and bounds are the API's (oci-facts 10.3, models of the SDK). `unbuilt` marks what
the cloud has and the local VCN does not have yet: to use it is refused with 501, so that
nothing is silently left out.
"""

from mooring.core.vcn.api.schema import (
    DEFINED_TAGS,
    TAGS,
    Field,
    Fields,
    Rule,
    digits,
    distinct,
    network,
    ocid,
    one_of,
    text,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import (
    LARGEST_PAGE,
    NARROWEST_NETWORK,
    NSGS_PER_VNIC,
    WIDEST_NETWORK,
)


def need(rule: Rule) -> Field:
    """Make a field that must be given."""
    return Field(rule, required=True)


YES_OR_NO = text(shape="(?i)true|false", says="must be true or false.")  # in a query

CIDR = network(WIDEST_NETWORK, NARROWEST_NETWORK)

ROUTE_TABLE_OR_NONE = text(least=0)  # "" takes the table away

HOSTNAME = text(
    most=63,
    shape=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
    says="must be a host name's label: letters, digits, hyphens inside.",
)

DNS_LABEL = text(
    most=15,
    shape=r"[A-Za-z][A-Za-z0-9]*",
    says="must be letters and digits, a letter first.",
)

DISPLAY_NAME = Field(
    text(
        shape=r"[^\x00-\x1f\x7f-\x9f]*",
        says="must not have control characters.",
    )
)

DESCRIPTION = Field(text(least=0))

NSG_IDS = Field(distinct(list_of(ocid, 0, NSGS_PER_VNIC)))

RENAME: Fields = {
    "displayName": DISPLAY_NAME,
    "freeformTags": Field(TAGS),
    "definedTags": Field(DEFINED_TAGS),
}

CREATE: Fields = {**RENAME, "compartmentId": need(ocid)}

CREATE_IN_VCN: Fields = {**CREATE, "vcnId": need(ocid)}

PAGE: Fields = {"limit": Field(digits(1, LARGEST_PAGE)), "page": Field(text(most=2048))}

IN_COMPARTMENT: Fields = {**PAGE, "compartmentId": need(ocid)}

SORTED: Fields = {
    **IN_COMPARTMENT,
    "displayName": Field(text()),
    "sortBy": Field(one_of("TIMECREATED", "DISPLAYNAME")),
    "sortOrder": Field(one_of("ASC", "DESC")),
    "lifecycleState": Field(text()),
}

LIST_IN_VCN: Fields = {**SORTED, "vcnId": Field(ocid)}
