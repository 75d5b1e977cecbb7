import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.net.ocid import MAX_LENGTH, mint, parse, suffix


def test_the_same_entropy_makes_the_same_name() -> None:
    assert mint("vcn", "local-1", b"x") == mint("vcn", "local-1", b"x")


def test_other_entropy_or_another_kind_makes_another_name() -> None:
    names = {
        mint(kind, "r", chance) for kind in ("vcn", "vnic") for chance in (b"1", b"2")
    }

    assert len({name.rsplit(".")[-1] for name in names}) == 4


@given(st.binary())
def test_what_is_minted_can_be_parsed(chance: bytes) -> None:
    name = mint("networksecuritygroup", "local-1", chance)
    parts = parse(name)

    assert (parts.kind, parts.realm, parts.region) == (
        "networksecuritygroup",
        "oc1",
        "local-1",
    )
    assert len(parts.unique) == 60
    assert name.endswith(suffix(name))
    assert len(suffix(name)) == 8


@given(st.binary())
def test_the_unique_part_is_a_digest_in_base32(chance: bytes) -> None:
    digest = hashlib.blake2b(chance, digest_size=35, person=b"vcn").digest()

    text = base64.b32encode(digest).decode().lower()
    assert mint("vcn", "r", chance) == f"ocid1.vcn.oc1.r.aaaa{text}"


def test_a_name_may_have_no_region_and_a_future_part() -> None:
    assert parse("ocid1.tenancy.oc1..aaaa").region == ""
    assert parse("ocid1.x.oc1.r.future.aaaa").unique == "aaaa"


@pytest.mark.parametrize(
    "text", ["", "vcn", "ocid2.vcn.oc1.r.a", "ocid1.vcn.oc1.r.", "ocid1.vcn.oc1.r.a b"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no OCID"):
        parse(text)


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="is no OCID"):
        parse("ocid1.vcn.oc1.r." + "a" * MAX_LENGTH)
