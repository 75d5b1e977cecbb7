"""containerd's configuration: what the lab depends on stands in it."""

import tomllib

import pytest

from mooring.core.linux.containerd import Containerd, config, snapshotter


def test_the_file_is_toml_and_says_what_differs() -> None:
    wish = Containerd(
        root="/lab/root", bin_dir="/lab/bin", image="x/pod:1", snapshotter="native"
    )
    read = tomllib.loads(config(wish))
    cri = read["plugins"]["io.containerd.grpc.v1.cri"]

    assert (read["version"], read["root"]) == (2, "/lab/root")
    assert cri["sandbox_image"] == "x/pod:1"
    assert cri["restrict_oom_score_adj"]
    assert cri["disable_apparmor"]
    assert cri["cni"]["bin_dir"] == "/lab/bin"
    assert (
        cri["cni"]["ip_pref"] == "cni"
    )  # the preferred family is what CNI names first
    assert cri["containerd"]["snapshotter"] == "native"
    assert not cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"]


MOUNTS = """\
overlay / overlay rw 0 0
/dev/vda /var/lib ext4 rw 0 0
tmpfs /var/lib/docker tmpfs rw 0 0

"""


@pytest.mark.parametrize(
    ("root", "chosen"),
    [
        ("/var/lib/mooring/x", "overlayfs"),
        ("/var/libx/y", "native"),
        ("/srv", "native"),
        ("/var/lib/docker/x", "overlayfs"),
        ("/var/lib", "overlayfs"),
    ],
)
def test_overlays_are_not_put_on_an_overlay(root: str, chosen: str) -> None:
    assert snapshotter(MOUNTS, root) == chosen


def test_a_later_mount_covers_an_earlier_one() -> None:
    covered = MOUNTS + "overlay /var/lib overlay rw 0 0\n"

    assert snapshotter(covered, "/var/lib/x") == "native"
