"""Control groups: where ours go on version 1, version 2 and the hybrid of both."""

import pytest

from mooring.core.linux.cgroup import (
    Group,
    Tree,
    ancestors,
    directory,
    home,
    remounts,
    trees,
)

HYBRID_GROUPS = """\
9:name=systemd:/a
4:memory:/a/b
1:cpu,cpuacct:/
0::/a
"""
HYBRID_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
odd
"""
V2_MOUNTS = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"
SYSTEMD = Tree("/sys/fs/cgroup/systemd", "a", "name=systemd")


def test_the_hybrid_has_a_place_in_every_tree_that_we_are_in() -> None:
    assert trees(HYBRID_GROUPS, HYBRID_MOUNTS) == (
        Tree("/sys/fs/cgroup/cpu,cpuacct", "", "cpu,cpuacct"),
        Tree("/sys/fs/cgroup/memory", "a/b", "memory"),
        SYSTEMD,
        Tree("/sys/fs/cgroup/unified", "a"),
    )


def test_version_2_is_one_tree() -> None:
    assert trees("0::/user.slice/x\n", V2_MOUNTS) == (
        Tree("/sys/fs/cgroup", "user.slice/x"),
    )


def test_a_tree_whose_mount_shows_another_part_is_out_of_reach() -> None:
    mounts = "30 23 0:26 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw"

    assert trees("0::/docker/12\n", mounts) == ()
    assert trees("0::/docker/1/x\n", mounts) == (Tree("/sys/fs/cgroup", "x"),)


def test_a_version_1_machine_without_the_unified_line_has_no_such_tree() -> None:
    assert trees("4:memory:/\n", V2_MOUNTS) == ()


def test_the_first_of_two_mounts_counts_and_blanks_are_read() -> None:
    mounts = (
        "30 23 0:26 / /c\\040g rw - cgroup2 cgroup2 rw\n"
        "31 23 0:26 / /other rw - cgroup2 cgroup2 rw"
    )

    assert trees("0::/\n", mounts) == (Tree("/c g", ""),)


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (("a", "lab"), "/sys/fs/cgroup/systemd/a/lab"),
        (("", "lab"), "/sys/fs/cgroup/systemd/lab"),
    ],
)
def test_a_group_is_a_directory(names: tuple[str, ...], path: str) -> None:
    assert directory(SYSTEMD, *names) == path


def test_the_way_up_ends_at_the_root() -> None:
    assert ancestors("a/b") == ("a/b", "a", "")
    assert ancestors("/") == ("",)


ALL = "cpuset cpu io memory hugetlb pids"


def test_the_nearest_group_that_hands_everything_down_is_home() -> None:
    groups = [
        Group("user/session", "memory pids", ""),
        Group("user", ALL, "cpuset cpu io memory pids"),
        Group("", ALL, ALL),
    ]

    assert home(groups) == ("user", frozenset())


def test_else_the_root_is_and_must_learn_to() -> None:
    groups = [
        Group("user/session", "memory pids", ""),
        Group("user", ALL, "memory pids"),
        Group("", ALL, "memory pids io"),
    ]

    assert home(groups) == ("", frozenset({"cpu", "cpuset"}))


def test_in_a_node_version_1_is_mounted_anew_on_a_stage_of_its_own() -> None:
    found = trees(HYBRID_GROUPS, HYBRID_MOUNTS)

    assert remounts(found) == (
        ("tmpfs", "mode=755", "/sys/fs/cgroup"),
        ("cgroup", "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"),
        ("cgroup", "memory", "/sys/fs/cgroup/memory"),
        ("cgroup", "none,name=systemd", "/sys/fs/cgroup/systemd"),
    )


def test_elsewhere_no_stage_is_needed() -> None:
    assert remounts([Tree("/cg/memory", "", "memory")]) == (
        ("cgroup", "memory", "/cg/memory"),
    )


def test_version_2_is_mounted_anew_as_it_is() -> None:
    assert remounts([Tree("/sys/fs/cgroup", "x")]) == (
        ("cgroup2", "", "/sys/fs/cgroup"),
    )
