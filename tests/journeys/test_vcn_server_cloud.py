"""The world changes in one place: decided, written down, only then believed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from fakes.journal import FakeJournal

from mooring.adapters.journal import JournalError
from mooring.core.vcn.api.requests import Reply, Request
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.world import World
from mooring.localvcn.cloud import TOGETHER, Cloud
from mooring.localvcn.desk import Chance, Desk
from mooring.localvcn.enforcement import Enforcement, NoFabric

START = datetime(2026, 7, 12, tzinfo=UTC)
Story = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A cloud on paper with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START
        self.journal = FakeJournal()
        self.enforcement = Enforcement(NoFabric())
        chance = Chance(lambda: self.now, bytes)
        desk = Desk(Settings(), chance)
        self.cloud = Cloud(World.empty(), self.journal, self.enforcement, desk)
        self._entropy = (n.to_bytes(16) for n in count())

    async def call(self, method: str, path: str, **body: object) -> Reply:
        return await self.cloud.answer(self.request(method, path, **body))

    def request(self, method: str, path: str, **body: object) -> Request:
        return Request(
            method=method,
            path=f"/20160918{path}",
            query={"compartmentId": "c"} if method == "GET" else {},
            body=json.dumps(body).encode() if body else b"",
            now=self.now,
            entropy=next(self._entropy),
        )

    async def make(self, path: str, **body: object) -> str:
        reply = await self.call(
            "POST", path, compartmentId="ocid1.tenancy.oc1..t", **body
        )
        assert reply.status == 200, reply.body
        made: str = json.loads(reply.body)["id"]
        return made

    async def an_instance(self) -> str:
        vcn = await self.make("/vcns", cidrBlocks=["10.0.0.0/16"])
        subnet = await self.make("/subnets", vcnId=vcn, cidrBlock="10.0.0.0/24")
        return await self.make(
            "/instances/",
            availabilityDomain="moor:LOCAL-1-AD-1",
            shape="VM.Standard.E4.Flex",
            shapeConfig={"ocpus": 2},
            createVnicDetails={"subnetId": subnet},
        )

    def kept(self) -> World:
        """The world as a new server would read it."""
        entries = self.journal.entries()
        return World.load((e.kind, e.key, e.body or "") for e in entries)


def play(story: Story) -> None:
    async def scene() -> None:
        stage = Scene()
        loops = [
            asyncio.create_task(stage.enforcement.run()),
            asyncio.create_task(stage.cloud.run()),
        ]
        try:
            await story(stage)
        finally:
            for loop in loops:
                loop.cancel()

    asyncio.run(scene())


def same(one: World, two: World) -> bool:
    return (one.records, one.tokens) == (two.records, two.tokens)


def test_what_is_answered_is_kept() -> None:
    async def story(scene: Scene) -> None:
        await scene.an_instance()
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_reading_writes_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.an_instance()
        before = scene.journal.commits
        assert (await scene.call("GET", "/vcns")).status == 200
        assert scene.journal.commits == before

    play(story)


def test_a_refused_call_changes_nothing() -> None:
    async def story(scene: Scene) -> None:
        before = scene.cloud.world
        assert (await scene.call("POST", "/vcns", cidrBlocks=["x"])).status == 400
        assert scene.cloud.world is before
        assert scene.journal.commits == 0

    play(story)


def test_what_cannot_be_kept_is_not_believed() -> None:
    async def story(scene: Scene) -> None:
        await scene.an_instance()
        before = scene.cloud.world
        scene.journal.refuse = True
        with pytest.raises(JournalError):
            await scene.make("/vcns", cidrBlocks=["10.9.0.0/16"])
        assert scene.cloud.world is before
        scene.journal.refuse = False
        await scene.make("/vcns", cidrBlocks=["10.9.0.0/16"])
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_a_record_that_cannot_settle_is_logged_and_calls_are_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(scene: Scene) -> None:
        vcn = await scene.make("/vcns", cidrBlocks=["10.0.0.0/16"])
        world = scene.cloud.world
        odd = replace(world.records[vcn], lifecycle_state="ODD", settles_at=scene.now)
        scene.cloud.world = world.put(odd)
        assert (await scene.call("GET", "/vcns")).status == 200
        left = scene.kept().records[vcn]
        assert (left.lifecycle_state, left.settles_at) == ("ODD", None)

    play(story)
    assert "KeyError('ODD')" in caplog.text


def test_what_is_due_has_happened_before_the_next_answer() -> None:
    async def story(scene: Scene) -> None:
        instance = await scene.an_instance()
        scene.now += timedelta(seconds=5)
        reply = await scene.call("GET", f"/instances/{instance}")
        assert json.loads(reply.body)["lifecycleState"] == "RUNNING"
        assert same(scene.kept(), scene.cloud.world)

    play(story)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not fact():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


def test_what_is_due_happens_without_anybody_asking() -> None:
    async def story(scene: Scene) -> None:
        instance = await scene.an_instance()
        scene.now += timedelta(seconds=5)

        def runs() -> bool:
            seen = scene.cloud.world.get(instance)
            return seen is not None and seen.lifecycle_state == "RUNNING"

        await until(runs)
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def a_request(scene: Scene, block: int, **more: str) -> Request:
    """A VCN is to be made, its block told apart by a number."""
    body = {"compartmentId": "c", "cidrBlocks": [f"10.{block}.0.0/16"]}
    request = scene.request("POST", "/vcns", **body)
    return replace(request, headers=more) if more else request


async def together(scene: Scene, *requests: Request) -> list[Reply | BaseException]:
    """Send requests at the same moment; what becomes of each."""
    calls = (scene.cloud.answer(request) for request in requests)
    return await asyncio.gather(*calls, return_exceptions=True)


def statuses(said: list[Reply | BaseException]) -> list[int | type]:
    return [one.status if isinstance(one, Reply) else type(one) for one in said]


def test_changes_that_arrive_together_are_one_transaction() -> None:
    async def story(scene: Scene) -> None:
        said = await together(scene, *(a_request(scene, n) for n in range(8)))
        assert statuses(said) == [200] * 8
        assert scene.journal.commits == 1
        assert len(list(scene.cloud.world.of(Vcn))) == 8
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_a_transaction_has_a_bounded_number_of_calls() -> None:
    async def story(scene: Scene) -> None:
        said = await together(
            scene, *(a_request(scene, n) for n in range(TOGETHER + 1))
        )
        assert statuses(said) == [200] * (TOGETHER + 1)
        assert scene.journal.commits == 2

    play(story)


def test_each_call_sees_what_those_before_it_made() -> None:
    async def story(scene: Scene) -> None:
        vcn = await scene.make("/vcns", cidrBlocks=["10.0.0.0/16"])
        subnet = {"compartmentId": "c", "vcnId": vcn, "cidrBlock": "10.0.0.0/24"}
        twice = [scene.request("POST", "/subnets", **subnet) for _ in range(2)]
        assert statuses(await together(scene, *twice)) == [200, 400]
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_the_same_retry_token_twice_at_once_makes_one_object() -> None:
    async def story(scene: Scene) -> None:
        token = {"opc-retry-token": "t"}
        one, two = await together(
            scene, *(a_request(scene, 1, **token) for _ in range(2))
        )
        assert isinstance(one, Reply)
        assert isinstance(two, Reply)
        assert one.body == two.body
        assert len(list(scene.cloud.world.of(Vcn))) == 1

    play(story)


def test_a_transaction_that_fails_leaves_the_world_as_it_was_for_all_of_it() -> None:
    async def story(scene: Scene) -> None:
        await scene.an_instance()
        before, scene.journal.refuse = scene.cloud.world, True
        said = await together(scene, *(a_request(scene, n) for n in range(3)))
        assert statuses(said) == [JournalError] * 3
        assert scene.cloud.world is before
        scene.journal.refuse = False
        said = await together(scene, *(a_request(scene, n) for n in range(3)))
        assert statuses(said) == [200] * 3
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_a_call_that_breaks_does_not_break_those_beside_it() -> None:
    async def story(scene: Scene) -> None:
        broken = replace(a_request(scene, 1), entropy="no bytes")  # that is what breaks
        said = await together(scene, a_request(scene, 0), broken, a_request(scene, 2))
        assert statuses(said) == [200, TypeError, 200]
        assert scene.journal.commits == 1
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_reading_does_not_wait_for_changes_that_are_not_kept_yet() -> None:
    async def story(scene: Scene) -> None:
        change = asyncio.create_task(scene.cloud.answer(a_request(scene, 0)))
        await asyncio.sleep(0)
        seen = await scene.call("GET", "/vcns")
        assert json.loads(seen.body) == []
        assert (await change).status == 200
        seen = await scene.call("GET", "/vcns")
        assert len(json.loads(seen.body)) == 1

    play(story)


def test_who_has_gone_away_does_not_stop_those_beside_it() -> None:
    async def story(scene: Scene) -> None:
        gone = asyncio.create_task(scene.cloud.answer(a_request(scene, 0)))
        stays = asyncio.create_task(scene.cloud.answer(a_request(scene, 1)))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays).status == 200
        assert same(scene.kept(), scene.cloud.world)

    play(story)


def test_with_faults_every_call_is_a_transaction_of_its_own() -> None:
    async def story(scene: Scene) -> None:
        scene.cloud.begin({"kind": "latency", "operation": "CreateVcn", "delay": "1ms"})
        said = await together(scene, *(a_request(scene, n) for n in range(3)))
        assert statuses(said) == [200] * 3
        assert scene.journal.commits == 3

    play(story)
