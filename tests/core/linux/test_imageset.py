"""What goes into the images of a cluster."""

import pytest

from mooring.core.linux import imageset
from mooring.core.linux.image import Entry
from mooring.core.linux.imageset import Locked

LOCK = """\
# comment
anyio==4.16.0 ; sys_platform != 'emscripten' \\
    --hash=sha256:00
click==8.5.1 \\
    --hash=sha256:11 \\
    --hash=sha256:22
"""
LDD = """\
/usr/bin/python3:
\tlinux-vdso.so.1 (0x00007ffd)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f41)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f42)
/usr/bin/busybox:
\tnot a dynamic executable
"""


def test_a_stage_has_the_environment_of_those_below_it() -> None:
    agent = dict(word.split("=", 1) for word in imageset.environment("agent"))
    controller = dict(word.split("=", 1) for word in imageset.environment("controller"))

    assert agent["PYTHONPATH"] == "/opt/mooring/app:/opt/mooring/lib"
    assert controller["PYTHONPATH"] == f"{agent['PYTHONPATH']}:/opt/mooring/cloud"
    assert agent.keys() == controller.keys()


@pytest.mark.parametrize(
    ("path", "belongs"),
    [
        ("asyncio/base_events.py", True),
        ("lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", True),
        ("os.py", True),
        ("test/support/__init__.py", False),
        ("lib2to3/main.py", False),
        ("config-3.11-x86_64-linux-gnu/Makefile", False),
        ("turtle.py", False),
        ("lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so", False),
        ("site-packages/x.py", False),
    ],
)
def test_of_pythons_library_what_runs(path: str, belongs: bool) -> None:
    assert imageset.in_stdlib(path) is belongs


@pytest.mark.parametrize(
    ("path", "belongs"),
    [
        ("click/core.py", True),
        ("oci/base_client.py", True),
        ("oci/core/models/vnic.py", True),
        ("oci/auth/signers/__init__.py", True),
        ("oci/_vendor/requests/api.py", True),
        ("oci/database/models/db.py", False),
        ("oci-2.189.0.dist-info/METADATA", True),
        ("oci-2.189.0.dist-info/RECORD", False),
        ("../../../bin/coverage", False),
        ("bin/coverage", False),
        ("click/core.pyi", False),
        ("click/__pycache__/core.cpython-311.pyc", False),
        ("dateutil/tests/test_x.py", False),
    ],
)
def test_of_packages_what_runs(path: str, belongs: bool) -> None:
    assert imageset.in_libraries(path) is belongs


def test_a_lock_names_packages_and_which_can_be_absent() -> None:
    assert imageset.locked(LOCK) == [
        Locked("anyio", "4.16.0", optional=True),
        Locked("click", "8.5.1", optional=False),
    ]


def test_the_libraries_of_programs_are_read_from_ldd() -> None:
    assert imageset.libraries(LDD) == {
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    }


def test_a_library_that_is_not_there_is_named() -> None:
    with pytest.raises(imageset.MissingLibraryError, match=r"^libz\.so\.1$"):
        imageset.libraries("\tlibz.so.1 => not found\n")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("/lib/x/libc.so.6", "usr/lib/x/libc.so.6"),
        ("/usr/bin/nft", "usr/bin/nft"),
        ("/sbin/ip", "usr/sbin/ip"),
        ("/root/.pyenv/bin/python3", "root/.pyenv/bin/python3"),
    ],
)
def test_usr_is_merged_inside(here: str, there: str) -> None:
    assert imageset.inside(here) == there


def test_files_come_after_the_directories_that_they_lie_in() -> None:
    tree = imageset.tree({"usr/bin/x": Entry("usr/bin/x", b"1"), "a": Entry("a", b"2")})

    assert [each.path for each in tree] == ["a", "usr", "usr/bin", "usr/bin/x"]
    assert tree[1] == Entry("usr")


def test_every_image_has_a_place_for_temporary_files_and_its_accounts() -> None:
    skeleton = imageset.skeleton()

    assert skeleton["tmp"].mode == 0o1777
    assert skeleton["lib64"].link == "usr/lib64"
    assert skeleton["usr/lib64"] == Entry("usr/lib64")
    assert b"nobody:x:65532:65532" in (skeleton["etc/passwd"].content or b"")
