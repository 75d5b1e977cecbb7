"""What every store of NativePodNetwork objects has to do, as claims about `objects`.

Each test file that imports them has a fixture of that name: a directory, the fake, an API server.
"""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from mooring.core.npn.port import Absent, Objects
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, Pair, VnicStatus
from mooring.core.npn.usage import Counts, Usage, VnicLink


def an_npn(name: str = "abc", pods: int = 31) -> Npn:
    return Npn(
        name=name,
        spec=NpnSpec(
            id=f"ocid1.instance.{name}", pod_subnet_ids=("s",), max_pod_count=pods
        ),
    )


def a_status(last: int = 9) -> NpnStatus:
    vnic = VnicStatus(
        vnic_id="v",
        mac_address="02:00:17:00:00:01",
        subnet_id="s",
        pod_addresses=(Pair(IPv4Address(f"10.0.0.{last}")),),
    )
    return NpnStatus(state="SUCCESS", reason="COMPLETED", vnics=(vnic,))


def test_an_empty_store_has_no_names(objects: Objects) -> None:
    assert objects.names() == []


def test_what_is_written_is_read(objects: Objects) -> None:
    objects.write(an_npn("b"))
    objects.write(an_npn("a"))

    assert objects.names() == ["a", "b"]
    assert objects.read("a") == an_npn("a")


def test_a_name_that_is_not_there_is_absent(objects: Objects) -> None:
    with pytest.raises(Absent):
        objects.read("abc")
    with pytest.raises(Absent):
        objects.write_status("abc", a_status())


def test_the_status_is_read_with_the_object_or_apart(objects: Objects) -> None:
    objects.write(an_npn())
    objects.write_status("abc", a_status())

    assert objects.read("abc") == replace(an_npn(), status=a_status())
    assert objects.read_status("abc") == a_status()
    assert objects.read_spec("abc") == an_npn()


def test_an_object_without_a_status_has_an_empty_one(objects: Objects) -> None:
    objects.write(an_npn())

    assert objects.read_status("abc") == NpnStatus()


def test_writing_the_spec_keeps_the_status_and_counts_the_change(
    objects: Objects,
) -> None:
    objects.write(an_npn())
    objects.write_status("abc", a_status())
    objects.write(an_npn(pods=20))

    assert objects.read("abc") == replace(
        an_npn(pods=20), status=a_status(), generation=2
    )


def test_writing_the_same_spec_again_changes_nothing(objects: Objects) -> None:
    objects.write(an_npn())
    token, _ = objects.changes({})
    objects.write(an_npn())

    assert objects.read("abc").generation == 1
    assert objects.changes(token)[1] == frozenset()


def test_what_is_removed_is_gone_with_its_status(objects: Objects) -> None:
    objects.write(an_npn())
    objects.write_status("abc", a_status())
    objects.remove("abc")
    objects.remove("abc")
    objects.write(an_npn())

    assert objects.read("abc") == an_npn()


def test_changes_name_what_came_changed_and_went(objects: Objects) -> None:
    objects.write(an_npn("a"))
    objects.write(an_npn("b"))
    objects.write(an_npn("c"))
    first, came = objects.changes({})
    objects.write_status("a", a_status())
    objects.write(an_npn("b", pods=2))
    second, changed = objects.changes(first)
    objects.remove("c")
    third, went = objects.changes(second)

    assert (came, changed, went) == ({"a", "b", "c"}, {"a", "b"}, {"c"})
    assert objects.changes(third) == (third, frozenset())


def test_what_an_agent_tells_is_kept_beside_the_object(objects: Objects) -> None:
    assert objects.read_usage("a") is None
    objects.write(an_npn("a"))
    link = VnicLink(vnic_id="v", link="ens5", table=7001)
    usage = Usage(serial=4, held=frozenset({IPv4Address("10.0.0.5")}), links=(link,))
    objects.write_usage("a", usage)

    assert objects.read_usage("a") == usage
    assert objects.names() == ["a"]
    counts = Usage(counts=Counts(used=1))
    objects.write_usage("a", counts)
    assert objects.read_usage("a") == counts
    objects.remove("a")
    assert objects.read_usage("a") is None


def test_a_usage_is_a_change_only_for_whom_it_concerns(objects: Objects) -> None:
    objects.write(an_npn("a"))
    plain, _ = objects.changes({})
    all_, _ = objects.changes({}, usage=True)
    objects.write_usage("a", Usage(serial=4))

    assert objects.changes(plain)[1] == frozenset()
    assert objects.changes(all_, usage=True)[1] == {"a"}
