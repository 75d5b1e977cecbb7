"""Calls of the limits service, which has another version in its paths."""

from mooring.core.vcn.acts import servicelimits
from mooring.core.vcn.api.fields import IN_COMPARTMENT
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.api.schema import Field, Fields, ocid, one_of, text, unbuilt
from mooring.core.vcn.servicelimits import AD, GLOBAL, REGION

VERSION = "/20190729"

_OTHER: Fields = {"subscriptionId": Field(unbuilt), "externalLocation": Field(unbuilt)}

_LIST: Fields = {
    **IN_COMPARTMENT,
    "subscriptionId": Field(unbuilt),
    "sortBy": Field(one_of("name", "description")),
    "sortOrder": Field(one_of("ASC", "DESC")),
}

LIST_DEFINITIONS: Fields = {
    **_LIST,
    "serviceName": Field(text()),
    "name": Field(text()),
}

LIST_VALUES: Fields = {
    **_LIST,
    **_OTHER,
    "serviceName": Field(text(), required=True),
    "name": Field(text()),
    "scopeType": Field(one_of(GLOBAL, REGION, AD)),
    "availabilityDomain": Field(text()),
    "sortBy": Field(one_of("name")),
}

AVAILABILITY: Fields = {
    "compartmentId": Field(ocid, required=True),
    **_OTHER,
    "availabilityDomain": Field(text()),
}

ROUTES: dict[Route, Operation] = {
    ("GET", f"{VERSION}/services"): Operation(
        name="ListLimitServices", query=_LIST, act=servicelimits.list_services
    ),
    ("GET", f"{VERSION}/limitDefinitions"): Operation(
        name="ListLimitDefinitions",
        query=LIST_DEFINITIONS,
        act=servicelimits.list_definitions,
    ),
    ("GET", f"{VERSION}/limitValues"): Operation(
        name="ListLimitValues", query=LIST_VALUES, act=servicelimits.list_values
    ),
    (
        "GET",
        f"{VERSION}/services/{{id}}/limits/{{key}}/resourceAvailability",
    ): Operation(
        name="GetResourceAvailability",
        query=AVAILABILITY,
        act=servicelimits.availability,
    ),
}
