"""Who looks for a node's object looks for the name that the controller gives it."""

import asyncio
from pathlib import Path
from typing import Any, cast

from mooring.cli.agent.work import Directory
from mooring.core.npn.metadata import name_of
from mooring.inspect.place import Place

INSTANCE = "ocid1.instance.oc1.eu-frankfurt-1.ABUW4ljr"


def test_the_agent_looks_for_the_name_that_the_controller_gives(tmp_path: Path) -> None:
    async def found() -> str:
        nothing = cast("Any", None)
        place = Directory(tmp_path, INSTANCE)
        async with place.opened(nothing, nothing, nothing) as here:
            return here.npn

    assert asyncio.run(found()) == name_of(INSTANCE) == "abuw4ljr"


def test_the_audit_looks_for_it_too(tmp_path: Path) -> None:
    place = Place(
        name="n1",
        instance=INSTANCE,
        root=tmp_path,
        space=None,
        state=tmp_path,
        socket=tmp_path,
        spool=tmp_path,
    )

    assert place.object == name_of(INSTANCE)
