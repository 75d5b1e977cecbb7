"""What the agent says before it fails is written, though its log's lines come a moment later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mooring.adapters.disk import StateDirectory
from mooring.agent.carry import Terms, Wish
from mooring.agent.host import Say
from mooring.agent.node import Tracking
from mooring.cli.agent.doors import Doors
from mooring.cli.agent.work import Choices, Found, run

CHOICES = Choices(
    cooldown=30.0,
    mtu=9000,
    tracking=Tracking.AUTO,
    repair_every=2.0,
    carried=Terms(),
    wish=Wish.OFF,
    sysctls=Path("/proc/sys"),
)


class Nowhere:
    """A place that is told of, and then not reached."""

    @asynccontextmanager
    async def opened(
        self,
        disk: StateDirectory,
        say: Say,
        stop: asyncio.Event,
    ) -> AsyncIterator[Found]:
        say("metadata-refused", why="nobody")
        raise OSError("nobody is there")
        yield


def test_the_last_lines_are_written_when_the_agent_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doors = Doors(socket=tmp_path / "s", spool=tmp_path / "spool", network="mooring")
    with pytest.raises(OSError, match="nobody is there"):
        asyncio.run(run(tmp_path / "state", Nowhere(), CHOICES, doors))

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" metadata-refused why=nobody")
