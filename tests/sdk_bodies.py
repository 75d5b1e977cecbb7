"""Bodies made of the SDK's own models: every field that a model has, of the right and of wrong types.

body = data.draw(bodies(known).of(oci.core.models.CreateVcnDetails))
"""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import oci.core.models
import oci.identity.models
import oci.limits.models
import oci.work_requests.models
from hypothesis import strategies as st
from iam_tenancy import PEM
from oci.base_client import BaseClient

Json = Any
Strategy = st.SearchStrategy[Json]
MODULES = (oci.core.models, oci.work_requests.models, oci.identity.models)
PARTS: dict[str, type] = {
    **oci.limits.models.limits_type_mapping,
    **oci.identity.models.identity_type_mapping,
    **oci.work_requests.models.work_requests_type_mapping,
    **oci.core.models.core_type_mapping,
}
NOWHERE = "ocid1.thing.oc1.local-1.aaaaaaaanowhere"

# What a field refers to, by its name where that is not the word of a kind and `Id` or `Ids`.
KINDS = {
    "cpeDeviceShapeId": (),
    "dhcpOptionsId": ("dhcpoptions",),
    "gatewayId": ("drg",),
    "nsgIds": ("networksecuritygroup",),
    "networkEntityId": (
        *("internetgateway", "natgateway", "servicegateway", "localpeeringgateway"),
        *("drg", "privateip"),
    ),
    "peerId": ("localpeeringgateway", "remotepeeringconnection"),
    "nextHopDrgAttachmentId": ("drgattachment",),
    "importDrgRouteDistributionId": ("drgroutedistribution",),
    "exportDrgRouteDistributionId": ("drgroutedistribution",),
    "targetCompartmentId": ("compartment",),
    "compartmentList": ("compartment",),
    "id": ("rule", "vcn"),
    "securityRuleIds": ("rule",),
    "routeRuleIds": ("rule",),
    "statementIds": ("rule",),
}
CIDRS = [
    *("10.0.9.0/24", "10.0.10.0/24", "10.9.0.0/16", "10.0.1.0/24", "10.0.0.0/16"),
    *("10.0.0.0/15", "10.0.1.64/27", "0.0.0.0/0", "172.16.0.0/12", "10.0.1.1/24"),
]
CIDRS6 = [
    *(
        "fd12:0:0:9::/64",
        "fd12:0:0:a::/64",
        "fd12::/64",
        "fd14::/48",
        "fd12::/48",
        "::/0",
        "2001:db8::/32",
    ),
]
PEERINGS = ["10.254.0.1/30", "10.254.0.2/30", "10.254.0.0/31", "fd00::1/126"]
ADDRESSES = [
    *("10.0.1.9", "10.0.1.64", "203.0.113.7", "10.0.9.9", "169.254.169.254"),
    *("fd12::9", "fd12::1:0:0:0", "10.0.0", "::", "fe80::1%eth0"),
]
WORDS = {
    "availabilityDomain": ["moor:LOCAL-1-AD-1"],
    "bandwidthShapeName": ["1 Gbps", "3 Gbps"],
    "customerBgpAsn": ["65000", "0"],
    "destination": [*CIDRS, *CIDRS6, "all-local-1-services-in-oracle-services-network"],
    "dnsLabel": ["quay", "1quay"],
    "faultDomain": ["FAULT-DOMAIN-1", "FAULT-DOMAIN-4"],
    "hostname": ["ship", "-ship"],
    "hostnameLabel": ["ship", "-ship"],
    "key": [PEM],
    "matchingRule": ["instance.id = 'x'", "nonsense"],
    "name": ["someone", "pilots", ""],
    "peerRegionName": ["local-1", "mars-1"],
    "protocol": ["6", "17", "1", "58", "all", "256"],
    "regionList": ["local-1"],
    "shape": ["VM.Standard.E4.Flex", "VM.Standard2.1", "BM.Standard.E4.128"],
    "source": [*CIDRS, *CIDRS6],
    "statements": ["Allow any-user to read vcns in tenancy", "Allow nobody"],
    "staticRoutes": CIDRS,
}
# Optional to the SDK, and yet little comes of a body without them.
LIKELY = frozenset(
    {
        *("cidrBlock", "ipv6PrivateCidrBlock", "networkDetails", "id", "gatewayId"),
        *("securityRules", "securityRuleIds", "source", "destination"),
        *("shape", "shapeConfig", "subnetId", "vnicId", "staticRoutes"),
    }
)
TEXTS = ["n", "n", "n", "n", "", "x" * 300, "é\n", "10.0.1.0/24", NOWHERE]
INTEGERS = [1, 2, 8, 16, 20, 27, 28, 64, 80, 96, 200, 443, 3600, 0, 65536, -1, 1 << 70]
ODD: list[Json] = [
    *(None, True, 3, -1.5, "", "x", "\x00", [], {}, 1e400),
    *([None], [[]], [{}], {"a": 1}, {"": [{}]}, ["a", "a"], [1] * 70),
]
OFTEN = st.sampled_from([True] * 3 + [False])
MOSTLY = st.sampled_from([True] * 24 + [False])  # as it should be


def model_of(name: str) -> type:
    """Give the model of a name."""
    return next(getattr(m, name) for m in MODULES if hasattr(m, name))


@cache
def required(model: type) -> frozenset[str]:
    """Give the attributes that the SDK's documentation calls required."""
    return frozenset(
        name
        for name in model().swagger_types
        if "**[Required]**" in (getattr(model, name).__doc__ or "")
    )


@cache
def subtypes(model: type) -> tuple[type, ...]:
    """Give what a model may be: itself, or those that its discriminator tells apart."""
    if not hasattr(model, "get_subtype"):
        return (model,)
    below = [part for part in PARTS.values() if part in model.__subclasses__()]
    return tuple(below) or (model,)


def constants(model: type, attribute: str) -> list[str]:
    """Give the words that the SDK knows for an attribute."""
    prefix = f"{attribute.upper()}_"
    rule = re.search(
        r"Allowed values for this property are: (.*)",
        getattr(model, attribute).__doc__ or "",
    )
    allowed = set(re.findall(r'"([^"]+)"', rule[1])) if rule else set()
    found = {v for n, v in vars(model).items() if n.startswith(prefix)}
    return sorted(found & allowed)


class Bodies:
    """Makes bodies that refer to what is known: ids by the word of their kind, texts by the field's name."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self.known = known
        self._made: dict[type, Strategy] = {}

    @cached_property
    def all(self) -> list[str]:
        return [id for ids in self.known.values() for id in ids]

    def of(self, model: type) -> Strategy:
        """Give bodies of a model, or of one of its subtypes."""
        if model not in self._made:
            self._made[model] = st.one_of([self._object(m) for m in subtypes(model)])
        return self._made[model]

    def _object(self, model: type) -> Strategy:
        made = model()
        always, sometimes = {}, {}
        for name, kind in made.swagger_types.items():
            key = made.attribute_map[name]
            words = constants(model, name)
            fixed = getattr(made, name)  # of a discriminator
            value = st.just(fixed) if fixed else self._value(key, kind, words)
            (always if name in required(model) else sometimes)[key] = value
        return self._some(always, sometimes)

    @staticmethod
    def _some(always: dict[str, Strategy], sometimes: dict[str, Strategy]) -> Strategy:
        """Give objects with all of the first and a few of the second; now and then one is missing."""
        likely = [key for key in sorted(sometimes) if key in LIKELY]
        few = st.lists(st.sampled_from(sorted(sometimes) or [""]), max_size=4)

        @st.composite
        def made(draw: st.DrawFn) -> Json:
            body = {key: draw(value) for key, value in always.items()}
            more = [key for key in likely if draw(OFTEN)] + draw(few)
            body |= {key: draw(sometimes[key]) for key in dict.fromkeys(more) if key}
            if body and not draw(MOSTLY):
                body.pop(draw(st.sampled_from(sorted(body))))
            return body

        return made()

    def _value(self, key: str, kind: str, words: list[str]) -> Strategy:
        """Give values of a field: mostly as they should be."""
        good, odd = self._good(key, kind, words), st.sampled_from(ODD)
        return MOSTLY.flatmap(lambda so: good if so else odd)

    def _good(self, key: str, kind: str, words: list[str]) -> Strategy:
        if kind.startswith("list["):
            one = self._value(key, kind[5:-1], words)
            return st.lists(one, min_size=1, max_size=3) | st.lists(one, max_size=1)
        if kind.startswith("dict(str, dict"):
            return st.sampled_from([{}, {"a": {"b": "c"}}, {"a": {"b": [1]}}])
        if kind.startswith("dict("):
            return st.sampled_from([{}, {"a": "b"}, {"a": "x" * 300}])
        if kind in PARTS:
            return self.of(PARTS[kind])
        return self._plain(key, kind, words)

    def _plain(self, key: str, kind: str, words: list[str]) -> Strategy:
        match kind:
            case "int":
                return st.sampled_from(INTEGERS)
            case "float":
                return st.sampled_from([1.0, 0.5, 2, 8, 64.0, 1e9, -1.0])
            case "bool":
                return st.booleans()
            case "datetime":
                return st.sampled_from(["2026-07-12T10:00:00Z", "2026-07-12", "soon"])
            case "str":
                return st.sampled_from(self.texts(key, words))
        return st.sampled_from(ODD)

    def texts(self, key: str, words: list[str]) -> list[str]:
        """Give texts for a field: its words, what it refers to, or what its name lets one think of."""
        low = key.lower()
        if key in self.known or words:
            return [*[*self.known.get(key, ()), *words] * 8, "NONSENSE"]
        if key in WORDS:
            return WORDS[key]
        if "cidr" in low:
            return [*(CIDRS6 if "ipv6" in low else CIDRS) * 3, *CIDRS, *CIDRS6]
        if low == "id" or low.endswith(("id", "ids", "list")):
            return self._ids(key)
        is_address = low.endswith(("ip", "ipv6", "address", "servers"))
        return [*ADDRESSES, *PEERINGS] if is_address else TEXTS

    def _ids(self, key: str) -> list[str]:
        word = re.sub(r"Ids?$", "", key).lower()
        kinds = KINDS.get(key, (word,))
        right = [id for kind in kinds for id in self.known.get(kind, ())]
        wrong = [NOWHERE, "", *self.all[:: max(1, len(self.all) // 6)]]
        return right * (1 + 40 // (1 + len(right))) + wrong


class Reader(BaseClient):
    """The half of a client of the SDK that reads answers and writes them again; no network, no configuration."""

    def __init__(self) -> None:
        self.type_mappings = {**BaseClient.primitive_type_map, **PARTS}
        self.complex_type_mappings = PARTS
        self._allow_control_chars = None
        self.skip_deserialization = False
        self.logger = logging.getLogger(__name__)

    def again(self, body: bytes, response: str) -> Json:
        """Give what the SDK's models keep of an answer, as JSON."""
        read = self.deserialize_response_data(body, response)
        return self.sanitize_for_serialization(read, response)
