"""What a disk's refusal says."""

from mooring.core.ipam.port import DiskError


def test_a_refusal_reads_as_one_line() -> None:
    assert (
        str(DiskError(28, "state: No space left")) == "state: No space left (errno 28)"
    )
