"""Services hold exactly what at least one rule allows, whatever the rules look like."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.model import Ports, SecurityRule
from mooring.core.vcn.packets.services import (
    EVERYTHING,
    NOTHING,
    Services,
    allowed,
    whole,
    without,
)

EDGES = (0, 1, 2, 3, 254, 255, 65534, 65535)
PROTOCOLS = (1, 6, 17, 50, 58)


@st.composite
def some_ports(draw: st.DrawFn) -> Ports | None:
    if draw(st.booleans()):
        return None
    low, high = sorted((draw(st.sampled_from(EDGES)), draw(st.sampled_from(EDGES))))
    return Ports(low, high)


@st.composite
def a_rule(draw: st.DrawFn) -> SecurityRule:
    protocol = draw(st.sampled_from(("all", "1", "6", "6", "17", "50", "58")))
    is_icmp = protocol in {"1", "58"}
    has_ports = protocol in {"6", "17"}
    kind = draw(st.sampled_from((None, 0, 3, 255))) if is_icmp else None
    code = None if kind is None else draw(st.sampled_from((None, 0, 4)))
    return SecurityRule(
        direction="INGRESS",
        protocol=protocol,
        peer="0.0.0.0/0",
        source_ports=draw(some_ports()) if has_ports else None,
        destination_ports=draw(some_ports()) if has_ports else None,
        icmp_type=kind,
        icmp_code=code,
    )


some_rules = st.lists(a_rule(), max_size=5)
a_service = st.tuples(
    st.sampled_from(PROTOCOLS), st.sampled_from(EDGES), st.sampled_from(EDGES)
).map(lambda s: s if s[0] in {1, 6, 17, 58} else (s[0], 0, 0))
families = st.sampled_from((4, 6))
STRANGE = {4: 58, 6: 1}  # the other family's ICMP


def is_one_of(
    rule: SecurityRule, service: tuple[int, int, int], version: int = 4
) -> bool:
    protocol, first, second = service
    if rule.protocol == "all":
        return True
    if rule.protocol != str(protocol) or protocol == STRANGE[version]:
        return False
    if protocol in {1, 58}:
        kind, code = rule.icmp_type, rule.icmp_code
        return first < 256 > second and kind in {None, first} and code in {None, second}
    return all(
        ports is None or ports.min <= port <= ports.max
        for ports, port in (
            (rule.destination_ports, first),
            (rule.source_ports, second),
        )
    )


def fits(service: tuple[int, int, int]) -> bool:
    return service[0] not in {1, 58} or max(service[1:]) < 256


@given(some_rules, a_service.filter(fits), families)
def test_a_service_is_allowed_if_a_rule_allows_it(
    rules: list[SecurityRule], service: tuple[int, int, int], version: int
) -> None:
    wanted = any(is_one_of(rule, service, version) for rule in rules)

    assert allowed(rules, version).allows(*service) is wanted


@given(some_rules, some_rules, a_service.filter(fits))
def test_without_takes_services_away(
    one: list[SecurityRule],
    two: list[SecurityRule],
    service: tuple[int, int, int],
) -> None:
    rest = without(allowed(one), allowed(two))
    wanted = allowed(one).allows(*service) and not allowed(two).allows(*service)

    assert rest.allows(*service) is wanted


@given(some_rules, st.randoms())
def test_the_same_services_are_the_same_value(
    rules: list[SecurityRule], chance: random.Random
) -> None:
    shuffled = [*rules, *rules[:2]]
    chance.shuffle(shuffled)

    assert allowed(shuffled) == allowed(rules)
    assert hash(allowed(shuffled)) == hash(allowed(rules))


@given(some_rules)
def test_nothing_is_left_of_a_set_without_itself(rules: list[SecurityRule]) -> None:
    assert without(allowed(rules), allowed(rules)) == NOTHING


def test_everything_without_one_port_keeps_all_else() -> None:
    ssh = Services(shapes=((6, ((22, 22, ((0, 65535),)),)),))

    rest = without(EVERYTHING, ssh)

    assert rest.others
    assert dict(rest.shapes) == {
        6: ((0, 21, ((0, 65535),)), (23, 65535, ((0, 65535),)))
    }


def test_a_protocol_that_is_whole_is_said_once() -> None:
    assert dict(allowed([_tcp(), _tcp(Ports(1, 2))]).shapes) == {6: whole(6)}


def _tcp(ports: Ports | None = None) -> SecurityRule:
    return SecurityRule(
        direction="INGRESS", protocol="6", peer="0.0.0.0/0", destination_ports=ports
    )
