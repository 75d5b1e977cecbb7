"""What a real runtime makes of a list that a reboot has emptied, with another network beside it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from adapters.test_cri_contract import NETWORK, a_containerd, a_wish
from patience import until

from mooring.adapters.cri import Cri, CriError
from mooring.core.cni.conflist import FILE

LIVE = Path("run/mooring")
LISTS = Path("etc/cni/net.d")
Json = dict[str, object]


def a_network(name: str, subnet: str) -> str:
    """A list of the CNI project's plugins, as ours would stand there."""
    ipam = {"type": "host-local", "subnet": subnet}
    plugins = [{"type": "ptp", "ipam": ipam}]
    return json.dumps({**NETWORK, "name": name, "plugins": plugins})


@pytest.fixture
def socket() -> Iterator[str]:
    with a_containerd() as made:
        yield made


def publish(root: Path) -> None:
    """Do what `cnifiles.publish` does, seen from outside of the node."""
    (root / LIVE).mkdir(parents=True, exist_ok=True)
    (root / LIVE / FILE).write_text(a_network("mooring", "10.98.0.0/24"))
    aside = root / LISTS / f".{FILE}.new"
    aside.symlink_to(Path("/") / LIVE / FILE)
    aside.replace(root / LISTS / FILE)


def test_rt_22_a_dangling_list_starts_no_pod_and_no_other_network_takes_over(
    socket: str,
) -> None:
    """RT-25 too: the other network is there all the time, and never gets a pod."""
    root = Path(socket[: socket.index("/root/") + len("/root")])
    cri = Cri(socket)
    try:
        publish(root)
        (root / LISTS / "20-other.conflist").write_text(a_network("o", "10.97.0.0/24"))
        (root / LISTS / "10-test.conflist").unlink()
        until(lambda: not cri.conditions()["NetworkReady"])
        first = cri.run(a_wish("before"))
        assert cri.address(first).startswith("10.98.0.")

        # The reboot: what was below /run is gone, and the runtime reads its directory.
        shutil.rmtree(root / LIVE)
        (root / LISTS / "30-more.conflist").write_text("{}")
        (root / LISTS / "30-more.conflist").unlink()
        until(lambda: cri.conditions()["NetworkReady"])
        with pytest.raises(CriError):
            cri.run(a_wish("meanwhile"))

        publish(root)
        until(lambda: not cri.conditions()["NetworkReady"])
        assert cri.address(cri.run(a_wish("after"))).startswith("10.98.0.")
    finally:
        for pod in cri.pods():
            cri.remove(pod.sandbox)
        cri.close()
