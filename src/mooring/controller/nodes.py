"""The nodes' journey: every node of ours has its object, its owner, its labels and its taints.

A turn reads a node, finds its instance and its object, makes the object when there is none and the
instance's metadata asks for one, and does to the node what `core.npn.nodework` says. Nodes come
and go, objects come before their nodes or are made by others: a change of any of them gives the
node a turn, and what is not there yet is no reason to wait for.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from mooring.controller.agents import Agents
from mooring.controller.find import Finder
from mooring.controller.gate import Stopping
from mooring.controller.known import LATER, REST, Known
from mooring.controller.rota import Rota
from mooring.core.kube.errors import KubeError
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Node, NodeCondition
from mooring.core.kube.port import Events, Nodes, Note, Patches, Pods, Reference, Token
from mooring.core.kube.resource import NODES, NPNS
from mooring.core.net.fields import Unreadable
from mooring.core.npn import metadata, nodework
from mooring.core.npn.errors import CloudError, NotFound
from mooring.core.npn.memory import pause_after
from mooring.core.npn.port import Absent, Objects
from mooring.core.npn.record import Npn
from mooring.core.npn.scarcity import Dryness
from mooring.core.npn.seen import GOING, InstanceSeen
from mooring.core.npn.shortage import rest

POLL = 1.0
"""Seconds after which changes are asked for although nobody told of one."""
SOON = 1.0
"""Seconds to the next look at a node that runs dry, or may get wet."""
WORKERS = 4
AGENT = "app=vcn-native-ip-cni"
CONDITION = "VcnNativePodNetworking"
"""A node's condition: False while its metadata, provider id or object cannot be right."""
LONGEST = 1024

log = logging.getLogger("mooring.controller")


class Owned(Objects, Protocol):
    """Objects that go when their owner goes, and that people are told of."""

    def owners(self, name: str) -> tuple[Owner, ...]:
        """Tell whose the object is; raise Absent or Unreadable."""

    def create(self, npn: Npn) -> bool:
        """Make an object; tell whether it was made: one that is there already stays as it is."""

    def tell(self, name: str, note: Note) -> None:
        """Tell an event of an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The API server as this journey needs it. `pods` are the agents'."""

    nodes: Nodes
    pods: Pods
    objects: Owned
    patches: Patches
    events: Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time and chance; `wait` sleeps and tells whether to end."""

    now: Callable[[], float]
    wait: Callable[[float], bool]
    chance: Callable[[], float]


class Unseen(Unreadable):
    """A node's instance that is not there, or may not be seen."""


class NodeKeeper:
    """Takes all nodes' turns until `clock.wait` says that it is over.

    `agents` knows where agents are ready, `facts` becomes the node of each object, by its name.
    `overcommit` lets pods come although there may be no address for them.
    """

    def __init__(
        self,
        cluster: Cluster,
        finder: Finder,
        clock: Clock,
        facts: dict[str, Node] | None = None,
        *,
        overcommit: bool = False,
    ) -> None:
        self._cluster, self._finder, self._clock = cluster, finder, clock
        self._overcommit = overcommit
        self._rota = Rota(self._take, Known, clock.now, WORKERS)
        self._tokens: dict[str, Token] = {
            kind: {} for kind in ("nodes", "pods", "objects", "usage")
        }
        self.agents = Agents(cluster.pods)
        self._dry: set[str] = set()
        self.facts = {} if facts is None else facts

    def wake(self) -> None:
        """Look now: something changed. Any thread may call it."""
        self._rota.wake()

    def place(self) -> None:
        """Learn whose the objects are, of the nodes that name their instance; it asks nobody."""
        for node in self._cluster.nodes.all():
            instance = nodework.instance_of(node.provider_id)
            name = metadata.name_of(instance) if instance else ""
            if name and self._instance_named(name) == instance:
                self.facts[name] = node

    def run(self) -> None:
        """Work until told to end."""
        with ThreadPoolExecutor(WORKERS, "node") as pool:
            while not self._clock.wait(0):
                self._notice()
                self._rota.start(pool)
                self._rota.hear(POLL)

    def _notice(self) -> None:
        """Give a turn to every node that changed, or whose object or agent did."""
        cluster, tokens = self._cluster, self._tokens
        if not (cluster.nodes.synced() and cluster.pods.synced()):
            return
        try:
            marks, objects = cluster.objects.changes(tokens["objects"])
            usage, told = cluster.objects.changes(tokens["usage"], usage=True)
            scarce = self._scarce(told - objects)
        except OSError as error:
            # What changed is asked for again: no token has moved.
            log.warning("unreadable store: %s; trying again", error)
            return
        tokens["objects"], tokens["usage"] = marks, usage
        self._dry.intersection_update(marks)
        tokens["nodes"], names = cluster.nodes.changes(tokens["nodes"])
        tokens["pods"], pods = cluster.pods.changes(tokens["pods"])
        agents = self.agents.moved(pods) & frozenset(cluster.nodes.keys())
        self._rota.poke(names | agents | self._of_objects(objects | scarce))

    def _scarce(self, names: frozenset[str]) -> frozenset[str]:
        """Give those whose agent told something that concerns the scheduler: none free, or again some."""
        found = set()
        for name in names:
            usage = self._cluster.objects.read_usage(name)
            if usage and usage.tally.free == 0:
                self._dry.add(name)
                found.add(name)
            elif name in self._dry:
                found.add(name)
        return frozenset(found)

    def _of_objects(self, names: frozenset[str]) -> frozenset[str]:
        """Name the nodes of objects, by what is known or by the instance that the object names."""
        facts = dict(self.facts)  # workers add to it and take from it
        found = {facts[name].name for name in names & facts.keys()}
        unknown = names - facts.keys()
        if not unknown:
            return frozenset(found)
        instances = {self._instance_named(name) for name in unknown} - {""}
        for node in self._cluster.nodes.all():
            instance = nodework.instance_of(node.provider_id)
            if instance is None or instance in instances:
                found.add(node.name)
        return frozenset(found)

    def _instance_named(self, name: str) -> str:
        try:
            return self._cluster.objects.read_spec(name).spec.id
        except (Absent, Unreadable):
            return ""

    def _take(self, name: str, known: Known) -> tuple[Known, float | None]:
        """Take a node's turn; whatever happens, the others' go on."""
        try:
            return self._turn(name, known)
        except Stopping:
            return known, REST
        except Absent:
            return known, SOON  # it went in this moment
        except (CloudError, OSError) as error:
            said = f"failed {error}"
            warn = not isinstance(error, KubeError) or error.retry_after is None
        except Exception as error:
            log.exception("broken node=%s", name)
            said, warn = f"broken {type(error).__name__}: {error}", False
        if said != known.said and warn:
            log.warning("node=%s %s", name, said)
        known = replace(known, failures=known.failures + 1, said=said)
        return known, pause_after(known.failures, self._clock.chance())

    def _turn(self, name: str, known: Known) -> tuple[Known, float | None]:
        try:
            node = self._cluster.nodes.get(name)
        except Unreadable as error:
            return self._refuse(Node(name=name), known, error)
        if node is None:
            self._forget(name)
            return known, None
        if node.deleting:
            return known, REST
        if known.uid != node.uid:
            known = Known(uid=node.uid)
        try:
            known = self._found(node, known)
            known, npn = self._object(node, known)
        except Unreadable as error:
            if isinstance(error, Unseen):
                known = self._lose(node, known)
            return self._refuse(node, known, error)
        known = replace(known, failures=0, said="", had=known.had or npn is not None)
        self._accept(node)
        if npn is None:
            return known, REST if known.instance or node.provider_id else LATER
        self.facts[npn.name] = node
        self._own(node, npn)
        return self._do(node, npn, known)

    def _found(self, node: Node, known: Known) -> Known:
        """Find the node's instance; "" where it is none of this cloud."""
        instance = nodework.instance_of(node.provider_id)
        if instance is None:
            instance = known.instance or self._finder.find(node)
        return replace(known, instance=instance)

    def _object(self, node: Node, known: Known) -> tuple[Known, Npn | None]:
        """Give the object of the node's instance; make it when it is to be made by us."""
        if not known.instance:
            return known, None
        npn = self._read(known.instance)
        if npn is not None:
            return known, npn
        instance = self._instance(node, known)
        if instance.state in GOING:
            return self._lose(node, known), None
        return self._wanted(node, known, instance)

    def _wanted(
        self, node: Node, known: Known, instance: InstanceSeen
    ) -> tuple[Known, Npn | None]:
        """Make the object that the instance asks for; clear up after one where it asks for none."""
        wanted = metadata.wish(instance.id, instance.metadata)
        if wanted is None:
            declined = metadata.declines(instance.metadata)
            gone = nodework.without(node, declined=declined, gone=known.had)
            return self._carry_out(node, known, gone), None
        if not self._cluster.objects.create(wanted):
            return known, None  # somebody else's; hearing of it gives the node a turn
        log.info("made npn=%s node=%s", wanted.name, node.name)
        words = f"made for node {node.name}: {wanted.spec.max_pod_count} pods"
        self._cluster.objects.tell(wanted.name, Note(reason="Made", text=words))
        return known, wanted

    def _read(self, instance: str) -> Npn | None:
        """Read the object of an instance; one of another name is none (`ClusterObjects`)."""
        name = metadata.name_of(instance)
        try:
            npn = self._cluster.objects.read(name)
        except Absent:
            return None
        if npn.spec.id == instance:
            return npn
        rule = f"must be {instance}, as the object's name says"
        raise Unreadable(f"{name}: spec.id", npn.spec.id, rule)

    def _instance(self, node: Node, known: Known) -> InstanceSeen:
        """Show the node's instance; raise Unseen when there is none that may be seen."""
        try:
            return self._finder.instance(known.instance)
        except NotFound:
            rule = "must be an instance that is there and that the controller may see"
            field = f"node {node.name}: spec.providerID"
            raise Unseen(field, known.instance, rule) from None

    def _own(self, node: Node, npn: Npn) -> None:
        """Let the object go with its node; a node made anew under the same name is another."""
        owners = self._cluster.objects.owners(npn.name)
        if node.uid and all(owner.uid != node.uid for owner in owners):
            owner = Owner(kind=NODES.kind, name=node.name, uid=node.uid)
            self._cluster.patches.own(NPNS, npn.name, owner)

    def _do(self, node: Node, npn: Npn, known: Known) -> tuple[Known, float | None]:
        """Do to the node what is to be done."""
        usage = self._cluster.objects.read_usage(npn.name)
        view = nodework.View(
            node=node,
            npn=npn,
            agent_ready=self.agents.ready(node.name),
            counts=usage.tally if usage else None,
            dryness=known.dryness,
            short=known.short,
            overcommit=self._overcommit,
        )
        now = self._clock.now()
        work = nodework.plan(view, now)
        known = self._carry_out(node, known, work)
        dryness = work.dryness
        if dryness == Dryness() and not (view.counts and view.counts.free == 0):
            self._dry.discard(npn.name)
        moving = dryness.empty_since is not None or dryness.dry_since is not None
        left = rest(work.short, now)
        pause = REST if left is None else min(REST, max(SOON, left))
        known = replace(known, dryness=dryness, short=work.short)
        return known, SOON if moving else pause

    def _carry_out(self, node: Node, known: Known, work: nodework.Work) -> Known:
        """Change the node, and tell what changed something."""
        if work.labels:
            self._cluster.patches.label(node.name, work.labels)
        for note in nodework.remarks(node, work.odd, known.odd):
            self._tell(node, note)
            log.warning("node=%s %s %s", node.name, note.reason, note.text)
        for note, done in zip(work.notes, self._taints(node, work), strict=True):
            if done:
                self._tell(node, note)
                log.info("node=%s %s %s", node.name, note.reason, note.text)
        return replace(known, odd={**known.odd, **work.odd})

    def _taints(self, node: Node, work: nodework.Work) -> Iterator[bool]:
        """Put and lift, and tell of each whether that changed something."""
        patches = self._cluster.patches
        # What keeps pods away comes before what lets them in.
        for taint in work.put:
            yield patches.taint(node.name, taint)
        for taint in work.lift:
            yield patches.untaint(node.name, taint.key, taint.effect)

    def _refuse(
        self, node: Node, known: Known, error: Unreadable
    ) -> tuple[Known, float | None]:
        """Say what cannot be right, once, and come back later: it may be put right."""
        said = f"refused {error}"
        if said != known.said:
            log.warning("node=%s %s", node.name, said)
            self._tell(node, Note(reason="Refused", text=str(error), warning=True))
        self._condition(node, "False", "Refused", str(error))
        now = self._clock.now()
        known = known.refused(said, now)
        return known, known.until - now

    def _accept(self, node: Node) -> None:
        """Take back what was said of a node that was refused, by whomever of us."""
        if any(c.type == CONDITION and c.status != "True" for c in node.conditions):
            self._condition(node, "True", "Accepted", "nothing is refused any more")

    def _condition(self, node: Node, status: str, reason: str, text: str) -> None:
        """Say it at the node, where it stands longer than an event."""
        wanted = NodeCondition(CONDITION, status, reason, text[:LONGEST])
        if wanted not in node.conditions:
            self._cluster.patches.condition(node.name, wanted)

    def _lose(self, node: Node, known: Known) -> Known:
        """Let an instance that ends be none of the node's: another may come in its place."""
        self._forget(node.name)
        return replace(known, instance="")

    def _forget(self, name: str) -> None:
        for npn in [n for n, node in list(self.facts.items()) if node.name == name]:
            del self.facts[npn]

    def _tell(self, node: Node, note: Note) -> None:
        about = Reference(resource=NODES, name=node.name, uid=node.uid)
        self._cluster.events.tell(about, note)
