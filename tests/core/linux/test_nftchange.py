"""The difference between two tables: what is new first, what goes last, the rest untouched."""

from dataclasses import replace

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Hook, NamedSet, Table
from mooring.core.linux.nftchange import change, difference, fingerprint

HOOK = Hook("filter", "input", 0)
PEERS = NamedSet("peers", "ipv4_addr", elements=("10.0.0.1", "10.0.0.2"))
DOORS = NamedSet("doors", "ifname", "verdict", elements=('"a" : jump one',))
BASE = Chain("in", ("iifname vmap @doors",), HOOK)
ONE = Chain("one", ("accept",))
BEFORE = Table("inet", "t", (PEERS, DOORS), (ONE, BASE))


def after(*sets: NamedSet, chains: tuple[Chain, ...] = (ONE, BASE)) -> Table:
    return replace(BEFORE, sets=sets or BEFORE.sets, chains=chains)


def test_equal_tables_need_nothing() -> None:
    assert change(BEFORE, after()) == ""


def test_order_is_no_difference() -> None:
    assert change(BEFORE, after(DOORS, PEERS, chains=(BASE, ONE))) == ""


def test_elements_that_go_are_deleted_before_others_come() -> None:
    peers = replace(PEERS, elements=("10.0.0.2", "10.0.0.3"))

    assert change(BEFORE, after(peers, DOORS)) == (
        "delete element inet t peers { 10.0.0.1 }\n"
        "add element inet t peers { 10.0.0.3 }\n"
    )


def test_a_changed_chain_is_emptied_and_filled() -> None:
    one = replace(ONE, rules=("counter", "drop"))

    assert change(BEFORE, after(chains=(one, BASE))) == (
        "flush chain inet t one\n"
        "add rule inet t one counter\n"
        "add rule inet t one drop\n"
    )


def test_what_is_new_comes_before_what_uses_it_and_what_is_old_goes_last() -> None:
    two = Chain("two", ("ip saddr @others accept",))
    others = NamedSet("others", "ipv4_addr", flags=("interval",))
    doors = replace(DOORS, elements=('"a" : jump two',))

    assert change(BEFORE, after(others, doors, chains=(two, BASE))) == (
        "table inet t {\n"
        "\tset others {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n"
        "\tchain two {\n\t}\n"
        "\tchain two {\n\t\tip saddr @others accept\n\t}\n"
        "}\n"
        'delete element inet t doors { "a" : jump one }\n'
        'add element inet t doors { "a" : jump two }\n'
        "flush chain inet t one\n"
        "delete set inet t peers\n"
        "delete chain inet t one\n"
    )


def test_a_map_goes_as_a_map() -> None:
    base = replace(BASE, rules=())

    assert change(BEFORE, after(PEERS, chains=(base,))) == (
        "flush chain inet t in\n"
        "flush chain inet t one\n"
        "delete map inet t doors\n"
        "delete chain inet t one\n"
    )


def test_what_no_transaction_can_change_is_replaced() -> None:
    other_type = after(replace(PEERS, key="ipv6_addr", elements=()), DOORS)
    other_hook = after(chains=(ONE, replace(BASE, hook=replace(HOOK, priority=1))))

    assert change(BEFORE, other_type) == nft.replace(other_type)
    assert change(BEFORE, other_hook) == nft.replace(other_hook)


def test_a_fingerprint_follows_every_difference() -> None:
    two = Chain("two", ("ip saddr @others accept",))
    others = NamedSet("others", "ipv4_addr", flags=("interval",))
    tables = (
        BEFORE,
        after(others, DOORS, chains=(two, BASE)),
        after(replace(PEERS, elements=("10.0.0.9",)), chains=(BASE,)),
        after(DOORS, chains=(replace(BASE, rules=()), ONE)),
    )

    for one in tables:
        for other in tables:
            found = difference(one, other).fingerprint_after(fingerprint(one))
            assert found == fingerprint(other)
    assert len(set(map(fingerprint, tables))) == len(tables)


def test_order_makes_no_other_fingerprint() -> None:
    turned = replace(PEERS, elements=PEERS.elements[::-1])

    assert fingerprint(BEFORE) == fingerprint(after(DOORS, turned, chains=(BASE, ONE)))


def test_what_is_in_a_set_or_a_map_makes_another() -> None:
    kinds = (
        PEERS,
        replace(PEERS, value="verdict"),
        replace(PEERS, name="more"),
        replace(PEERS, elements=("10.0.0.1",)),
    )

    assert len({fingerprint(after(kind)) for kind in kinds}) == len(kinds)
