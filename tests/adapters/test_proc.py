"""What /proc shows of network namespaces."""

import os
import subprocess
from pathlib import Path

from mooring.adapters import netns, proc

SPACE = f"moorproc{os.getpid()}"
KEY = "net/ipv4/conf/all/rp_filter"


def test_settings_are_those_of_the_namespace() -> None:
    netns.create(SPACE)
    fd = netns.open_fd(SPACE)
    try:
        with netns.inside(fd):
            Path(f"/proc/sys/{KEY}").write_text("2")

        assert proc.settings(fd, [KEY, "net/none"]) == {KEY: "2"}
        assert proc.settings(None, [KEY]) == {
            KEY: Path(f"/proc/sys/{KEY}").read_text().strip()
        }
    finally:
        netns.close(fd)
        netns.delete(SPACE)


def test_a_namespace_is_inhabited_while_a_process_lives_in_it() -> None:
    netns.create(SPACE)
    fd = netns.open_fd(SPACE)
    inode = netns.inode(fd)
    try:
        assert inode not in proc.inhabited()
        words = ["ip", "netns", "exec", SPACE, "sh", "-c", "echo; read x"]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            assert inode in proc.inhabited()
        assert inode not in proc.inhabited()
        assert netns.own_inode() in proc.inhabited()
    finally:
        netns.close(fd)
        netns.delete(SPACE)
