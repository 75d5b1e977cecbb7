"""The error table."""

import json

import pytest

from mooring.core.cni.errors import MEANINGS, CniError, Code


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Code)


def test_codes_of_the_specification_are_below_100_and_ours_from_100() -> None:
    ours = {code.name for code in Code if code >= 100}

    assert ours == {
        "KERNEL_REFUSED",
        "NOT_AS_ADDED",
        "INTERFACE_EXISTS",
        "LEFT_BEHIND",
        "INTERNAL",
    }


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_an_error_speaks_the_version_of_the_call(version: str) -> None:
    error = CniError(Code.INVALID_NETNS, "CNI_NETNS is the node's own", "inode 7")

    assert error.as_json(version) == {
        "cniVersion": version,
        "code": 8,
        "msg": "CNI_NETNS is the node's own",
        "details": "inode 7",
    }


@pytest.mark.parametrize("version", ["", "0.2.0", "9.9.9", "\ud800"])
def test_an_unspoken_version_is_answered_in_1_0_0(version: str) -> None:
    document = CniError(Code.INCOMPATIBLE_VERSION, "no").as_json(version)

    assert document == {"cniVersion": "1.0.0", "code": 1, "msg": "no"}
    assert json.dumps(document)


def test_an_error_reads_as_one_line() -> None:
    assert str(CniError(Code.IO_FAILURE, "a")) == "a"
    assert str(CniError(Code.IO_FAILURE, "a", "b")) == "a (b)"
