"""nft text: what is written is what nft reads; what it could not read is refused here."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Hook, NamedSet, SetPath, Table

PODS = SetPath("inet", "mooring", "pods4")
TABLE = Table(
    "inet",
    "mooring",
    sets=(
        NamedSet("peers", "ipv4_addr", flags=("interval",), extra=("auto-merge",)),
        NamedSet(
            "pods4", "ifname . ipv4_addr", "mark", elements=('"m" . 10.0.0.5 : 1',)
        ),
    ),
    chains=(
        Chain("empty"),
        Chain("in", ("ip saddr @peers accept",), Hook("filter", "input", 0, "drop")),
        Chain("out", (), Hook("filter", "egress", -5, device="ens3")),
    ),
)
TEXT = """\
table inet mooring {
	set peers {
		type ipv4_addr
		flags interval
		auto-merge
	}
	map pods4 {
		type ifname . ipv4_addr : mark
		elements = { "m" . 10.0.0.5 : 1 }
	}
	chain empty {
	}
	chain in {
		type filter hook input priority 0; policy drop;
	}
	chain out {
		type filter hook egress device "ens3" priority -5; policy accept;
	}
	chain in {
		ip saddr @peers accept
	}
}
"""


def test_a_table_is_written_sets_first_and_chains_before_rules() -> None:
    assert nft.render(TABLE) == TEXT


def test_a_table_is_replaced_in_one_script() -> None:
    removal = "add table inet mooring\ndelete table inet mooring\n"

    assert nft.remove(TABLE) == removal
    assert nft.replace(TABLE) == removal + TEXT


def test_elements_are_one_line() -> None:
    assert nft.add_elements(PODS, ("a", "b")) == (
        "add element inet mooring pods4 { a, b }\n"
    )
    assert nft.delete_elements(PODS, ("a",)) == (
        "delete element inet mooring pods4 { a }\n"
    )
    assert nft.add_elements(PODS, ()) == ""
    assert nft.refill(PODS, ("a",)) == (
        "flush set inet mooring pods4\nadd element inet mooring pods4 { a }\n"
    )
    assert nft.refill(PODS, (), "map") == "flush map inet mooring pods4\n"


def test_a_string_is_quoted() -> None:
    assert nft.quote("moor*") == '"moor*"'
    assert nft.comment("a pod's") == 'comment "a pod\'s"'


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "a\0", "\x7f"])
def test_what_nft_cannot_quote_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quote"):
        nft.quote(text)


def test_a_comment_has_its_length() -> None:
    assert nft.comment("x" * 128)
    with pytest.raises(ValueError, match="128 bytes"):
        nft.comment("ä" * 65)


@pytest.mark.parametrize("name", ["", "1a", "a b", "a;b", "a{", "x" * 256])
def test_an_identifier_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        nft.identifier(name)


def test_a_family_is_one_of_nft_s() -> None:
    with pytest.raises(ValueError, match="inet6"):
        nft.render(Table("inet6", "mooring"))


def test_a_key_is_its_parts_in_a_row() -> None:
    key = nft.key("moor0", IPv4Address("10.0.0.5"), IPv6Address("::1"), 1)

    assert key == (
        b"moor0" + bytes(11) + b"\x0a\0\0\5" + bytes(15) + b"\1" + nft.mark(1)
    )
    assert int.from_bytes(nft.mark(7), "little") in {7, 7 << 24}


def test_a_name_fits_an_interface() -> None:
    assert len(nft.key("x" * 15)) == 16
    with pytest.raises(ValueError, match="interface name"):
        nft.key("x" * 16)
