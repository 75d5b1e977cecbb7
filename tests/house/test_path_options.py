"""Every option and argument that is a path refuses the empty one: a variable of a shell that is not set."""

import click
import pytest
from house.test_program_pages import commands, program

from mooring.cli.main import PROGRAMS, NamedPath

PATHS = [
    pytest.param(each.type, id=f"{name} {words} {each.name}")
    for name in sorted(PROGRAMS)
    for words, command in commands(program(name))
    for each in command.params
    if isinstance(each.type, click.Path | click.File)
]


@pytest.mark.parametrize("kind", PATHS)
def test_an_empty_path_is_refused_with_value_and_rule(kind: click.ParamType) -> None:
    assert isinstance(kind, NamedPath)
    with pytest.raises(click.BadParameter, match=r"^'': must not be empty\.$"):
        kind.convert("", None, None)
