"""The fakes speak the ports' whole language."""

import inspect

import pytest
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects

from mooring.core.npn.port import Cloud, Objects


def words(kind: type) -> dict[str, list[str]]:
    """A type's public methods and the names of their parameters."""
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }


@pytest.mark.parametrize(("port", "fake"), [(Cloud, FakeCloud), (Objects, FakeObjects)])
def test_a_fake_has_every_call_of_its_port(port: type, fake: type) -> None:
    assert words(port).items() <= words(fake).items()
