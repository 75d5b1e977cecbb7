"""The fabric's names: derived, apart from each other, short enough for the kernel."""

import pytest

from mooring.core.vcn.packets import names

VCN = "ocid1.vcn.oc1.local.aaaabbbbccccdddd"
INSTANCE = "ocid1.instance.oc1.local.aaaabbbbeeeeffff"


def test_spaces_carry_the_fabric_and_the_end_of_the_ocid() -> None:
    made = (
        names.vcn_space("lab", VCN),
        names.node_space("lab", INSTANCE),
        names.internet_space("lab"),
    )

    assert made == ("moor-lab-vcn-ccccdddd", "moor-lab-eeeeffff", "moor-lab-internet")


def test_a_fabric_knows_its_own_spaces_and_no_others() -> None:
    own = names.vcn_space("a", VCN), names.node_space("a", INSTANCE)
    other = names.vcn_space("a-b", VCN), names.node_space("a-b", INSTANCE)

    assert all(names.is_space_of("a", n) for n in (*own, names.internet_space("a")))
    assert not any(
        names.is_space_of("a", n) for n in (*other, names.internet_space("a-b"))
    )


def test_a_fabric_knows_what_it_has_beside_its_vcns() -> None:
    made = (
        names.drg_space("lab", VCN),
        names.site_space("lab", VCN),
        names.services_space("lab", VCN),
    )

    assert made == (
        "moor-lab-drg-ccccdddd",
        "moor-lab-site-ccccdddd",
        "moor-lab-osn-ccccdddd",
    )
    assert all(names.is_space_of("lab", name) for name in made)


BAD = ["", "A", "a_b", "x" * 13, "a-vcn", "a-drg", "a-site", "a-osn"]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    assert names.fabric_fault(name)


@pytest.mark.parametrize("name", ["a", "lab-2", "x" * 12])
def test_a_plain_name_is_taken(name: str) -> None:
    assert names.fabric_fault(name) is None


def test_interfaces_are_called_as_in_the_cloud() -> None:
    assert [names.nic_name(n) for n in range(4)] == ["ens3", "ens5", "ens6", "ens7"]


def test_link_names_fit_the_kernel_and_differ() -> None:
    made = {
        names.port_name(VCN),
        names.port_name(INSTANCE),
        names.outside_name(VCN),
        names.gate_name(VCN),
        names.branch_name(VCN),
    }

    assert len(made) == 5
    assert max(map(len, made)) < 16
    assert all(map(names.is_made_here, (*made, names.UPLINK)))
    assert not any(map(names.is_made_here, ("lo", "ens3", "v123", "x0123456789")))


def test_no_tables_number_is_the_kernels_or_a_public_address() -> None:
    numbers = {names.table_number(f"{VCN}{n}") for n in range(1000)}

    assert len(numbers) == 1000
    assert all((1 << 16) <= n < (1 << 31) for n in numbers)
