"""The controller on a cluster: it stands for election, follows the cluster, and works while it leads."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from mooring.adapters.exposition import Exposition
from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.events import KubeEvents
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.adapters.kubernetes.leader import Candidate, KubeLeading
from mooring.adapters.kubernetes.objects import KubeObjects, following
from mooring.adapters.kubernetes.patches import KubePatches
from mooring.controller.find import Finder
from mooring.controller.look import Looker
from mooring.controller.meter import Calls, Meter
from mooring.controller.nodes import AGENT, Clock, Cluster, NodeKeeper
from mooring.controller.objects import ClusterObjects
from mooring.controller.poolfile import PoolFile
from mooring.controller.pulse import Pulse, beside
from mooring.controller.run import Controller, World
from mooring.controller.term import Term
from mooring.core.kube import node as nodes
from mooring.core.kube import pod as pods
from mooring.core.kube.event import Teller
from mooring.core.kube.informer import Pace
from mooring.core.kube.lease import Terms
from mooring.core.kube.node import Node
from mooring.core.kube.pod import Pod
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import NODES, PODS, Scope
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.port import Cloud

COMPONENT = "nativepodnetwork"
LEASE = "npn.oci.oraclecloud.com"
WAIT = 0.5

log = logging.getLogger("mooring.controller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the command line says. `me` is this replica's name; `calls` counts those of the cloud."""

    me: str
    namespace: str = "kube-system"
    interval: float = 30.0
    workers: int = 8
    pool: PoolPolicy | None = None
    pools: Callable[[], str] = str
    compartment: str | None = None
    overcommit: bool = False
    port: int | None = None
    terms: Terms = field(default_factory=Terms)
    pace: Pace = field(default_factory=Pace)
    calls: Calls = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Followers:
    """What is followed of the cluster."""

    nodes: Informer[Node]
    pods: Informer[Pod]
    objects: KubeObjects

    def synced(self, over: Callable[[float], bool]) -> bool:
        """Wait until all was listed once; tell whether it was, or it is over."""
        told = ""
        while True:
            waiting = [
                follower
                for follower in (self.nodes, self.pods, self.objects)
                if not follower.wait(0)
            ]
            if not waiting:
                return True
            trouble = str(waiting[0].trouble() or "")
            if trouble and trouble != told:
                log.warning("cluster away: %s; trying again", trouble)
            told = trouble
            waiting[0].wait(WAIT)
            if over(0):
                return False


class Inside:
    """The program in a cluster. It waits by the term; the clock's own `wait` is not asked."""

    def __init__(self, api: Api, cloud: Cloud, clock: Clock, setting: Setting) -> None:
        self._api, self._cloud, self._clock = api, cloud, clock
        self._setting = setting
        self._meter = Meter(clock.now, setting.calls)
        self._pulse = Pulse(clock.now)
        self._wake: Callable[[], None] = lambda: None
        self.port = 0

    def run(self, term: Term) -> None:
        """Stand, and work while leading, until the term is over."""
        setting = self._setting
        candidate = Candidate(
            me=setting.me, name=LEASE, namespace=setting.namespace, terms=setting.terms
        )
        with contextlib.ExitStack() as stack:
            if setting.port is not None:
                looks = {"/healthz": self._standing(term), "/readyz": term.waiting}
                served = Exposition(setting.port, self._meter.registry, looks)
                self.port = stack.enter_context(served).port
            leading = KubeLeading(self._api, candidate)
            stack.enter_context(contextlib.closing(leading))
            if term.begin(leading):
                self._meter.leading = True
                log.info("leading as %s", setting.me)
                # What is changed asks whether we lead still; events may be late.
                api = self._api.guarded(term.guard)
                with self._following(api) as followers:
                    if followers.synced(term.wait):
                        self._work(api, followers, term)

    def _work(self, api: Api, followers: Followers, term: Term) -> None:
        teller = Teller(component=COMPONENT, instance=self._setting.me)
        with (
            contextlib.closing(KubeEvents(self._api, teller)) as events,
            contextlib.closing(KubePatches(api)) as patches,
        ):
            looker = Looker(self._cloud, self._clock.now)
            setting = self._setting
            finder = Finder(self._cloud, looker, self._clock.now, setting.compartment)
            known: dict[str, Node] = {}
            pools = PoolFile(setting.pools, self._clock.now, self._teller(events))
            objects = ClusterObjects(
                followers.objects, known, pools, events, self._meter
            )
            self._meter.nodes = known
            cluster = Cluster(
                nodes=followers.nodes,
                pods=followers.pods,
                objects=objects,
                patches=patches,
                events=events,
            )
            keeper = NodeKeeper(
                cluster,
                finder,
                self._beating("nodes", term),
                known,
                overcommit=setting.overcommit,
            )
            keeper.place()
            controller = self._controller(objects, self._beating("objects", term))

            def wake() -> None:
                keeper.wake()
                controller.wake()

            def end() -> None:
                term.end()
                wake()

            self._wake = wake
            with beside("nodes", keeper.run, end):
                controller.run()

    def _teller(self, events: KubeEvents) -> Callable[[Note], None]:
        """Give who tells of this replica itself."""
        setting = self._setting
        about = Reference(
            resource=PODS,
            name=setting.me.partition("_")[0],
            namespace=setting.namespace,
        )
        return lambda note: events.tell(about, note)

    def _beating(self, loop: str, term: Term) -> Clock:
        """Give a loop's clock; it waits by the term."""
        wait = self._pulse.of(loop, term.wait)
        return replace(self._clock, wait=wait)

    def _standing(self, term: Term) -> Callable[[], str]:
        return lambda: term.standing() or self._pulse.standing()

    def _controller(self, objects: ClusterObjects, clock: Clock) -> Controller:
        world = World(
            objects=objects,
            cloud=self._cloud,
            now=clock.now,
            wait=clock.wait,
            chance=clock.chance,
        )
        setting = self._setting
        return Controller(world, setting.interval, setting.workers, setting.pool)

    @contextlib.contextmanager
    def _following(self, api: Api) -> Iterator[Followers]:
        def hear() -> None:
            self._wake()

        setting = self._setting
        agents = Scope(namespace=setting.namespace, labels=AGENT)
        followed = (
            Following(resource=NODES, read=nodes.read, hear=hear, pace=setting.pace),
            Following(
                resource=PODS,
                read=pods.read,
                scope=agents,
                hear=hear,
                pace=setting.pace,
            ),
            replace(following(hear=hear), pace=setting.pace),
        )
        with (
            contextlib.closing(Informer(api, followed[0])) as all_nodes,
            contextlib.closing(Informer(api, followed[1])) as all_pods,
            contextlib.closing(KubeObjects(api, followed[2])) as objects,
        ):
            yield Followers(nodes=all_nodes, pods=all_pods, objects=objects)
