"""What two kinds of ping print."""

import pytest

from mooring.core.linux.ping import Pinged, command, pinged

IPUTILS = """\
PING 10.0.32.9 (10.0.32.9) 56(84) bytes of data.
64 bytes from 10.0.32.9: icmp_seq=1 ttl=61 time=0.235 ms

--- 10.0.32.9 ping statistics ---
5 packets transmitted, 4 received, 20% packet loss, time 801ms
rtt min/avg/max/mdev = 0.101/0.235/0.301/0.010 ms
"""
BUSYBOX = """\
--- 10.0.32.9 ping statistics ---
3 packets transmitted, 3 packets received, 0% packet loss
round-trip min/avg/max = 0.050/0.060/0.070 ms
"""
SILENCE = "5 packets transmitted, 0 received, 100% packet loss, time 801ms"


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (IPUTILS, Pinged(5, 4, average=0.235, best=0.101)),
        (BUSYBOX, Pinged(3, 3, average=0.06, best=0.05)),
        (SILENCE, Pinged(5, 0)),
        ("ping: connect: Network is unreachable", None),
    ],
)
def test_the_summary_is_read(printed: str, found: Pinged | None) -> None:
    assert pinged(printed) == found


def test_so_many_are_sent() -> None:
    assert command("10.0.0.1", 7)[1:4] == ["-n", "-c", "7"]
