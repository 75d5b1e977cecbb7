"""What named namespaces and their fake promise alike."""

import os
from collections.abc import Iterator

import pytest
from fakes.netns import FakeNamespaces

from mooring.adapters import netns
from mooring.core.linux import port

ONE, OTHER = (f"nc{os.getpid()}-{n}" for n in "ab")


@pytest.fixture(params=["real", "fake"])
def namespaces(request: pytest.FixtureRequest) -> Iterator[port.Namespaces]:
    made: port.Namespaces = netns if request.param == "real" else FakeNamespaces()
    try:
        yield made
    finally:
        made.delete(ONE)
        made.delete(OTHER)


def test_a_namespace_exists_from_create_to_delete(namespaces: port.Namespaces) -> None:
    assert not namespaces.exists(ONE)
    namespaces.create(ONE)
    assert namespaces.exists(ONE)
    assert ONE in namespaces.names()
    namespaces.delete(ONE)

    assert not namespaces.exists(ONE)
    assert ONE not in namespaces.names()


def test_create_and_delete_may_be_said_twice(namespaces: port.Namespaces) -> None:
    namespaces.create(ONE)
    fd = namespaces.open_fd(ONE)
    namespaces.create(ONE)
    again = namespaces.open_fd(ONE)

    assert namespaces.inode(fd) == namespaces.inode(again)
    namespaces.close(fd)
    namespaces.close(again)
    namespaces.delete(ONE)
    namespaces.delete(ONE)


def test_names_are_sorted(namespaces: port.Namespaces) -> None:
    namespaces.create(OTHER)
    namespaces.create(ONE)
    names = namespaces.names()

    assert names == sorted(names)
    assert {ONE, OTHER} <= set(names)


def test_each_namespace_is_one_of_its_own(namespaces: port.Namespaces) -> None:
    namespaces.create(ONE)
    namespaces.create(OTHER)
    one, other = namespaces.open_fd(ONE), namespaces.open_fd(f"/run/netns/{OTHER}")
    identities = {
        namespaces.inode(one),
        namespaces.inode(other),
        namespaces.own_inode(),
    }
    namespaces.close(one)
    namespaces.close(other)

    assert len(identities) == 3


def test_a_path_tells_which_namespace_it_leads_to(
    namespaces: port.Namespaces,
) -> None:
    path = f"/run/netns/{ONE}"
    with pytest.raises(FileNotFoundError):
        namespaces.inode_at(path)
    namespaces.create(ONE)
    fd = namespaces.open_fd(path)

    assert namespaces.inode_at(path) == namespaces.inode(fd)
    namespaces.close(fd)


def test_inside_is_there_and_back(namespaces: port.Namespaces) -> None:
    home = namespaces.own_inode()
    namespaces.create(ONE)
    fd = namespaces.open_fd(ONE)
    with namespaces.inside(fd):
        assert namespaces.own_inode() == namespaces.inode(fd)

    assert namespaces.own_inode() == home
    namespaces.close(fd)


def test_an_exception_inside_comes_home_too(namespaces: port.Namespaces) -> None:
    home = namespaces.own_inode()
    namespaces.create(ONE)
    fd = namespaces.open_fd(ONE)
    with pytest.raises(RuntimeError), namespaces.inside(fd):
        raise RuntimeError

    assert namespaces.own_inode() == home
    namespaces.close(fd)


def test_a_namespace_inside_another(namespaces: port.Namespaces) -> None:
    namespaces.create(ONE)
    namespaces.create(OTHER)
    one, other = namespaces.open_fd(ONE), namespaces.open_fd(OTHER)
    with namespaces.inside(one):
        with namespaces.inside(other):
            assert namespaces.own_inode() == namespaces.inode(other)
        assert namespaces.own_inode() == namespaces.inode(one)
    namespaces.close(one)
    namespaces.close(other)


def test_what_does_not_exist_cannot_be_opened(namespaces: port.Namespaces) -> None:
    with pytest.raises(FileNotFoundError):
        namespaces.open_fd(ONE)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "a b", "a\n", "x" * 256])
def test_a_name_is_one_word(namespaces: port.Namespaces, name: str) -> None:
    with pytest.raises(ValueError, match="name of a namespace"):
        namespaces.create(name)


def test_only_what_was_opened_is_a_network_namespace(
    namespaces: port.Namespaces,
) -> None:
    namespaces.create(ONE)
    fd = namespaces.open_fd(ONE)
    assert namespaces.is_network(fd)
    namespaces.close(fd)

    assert not namespaces.is_network(fd)
