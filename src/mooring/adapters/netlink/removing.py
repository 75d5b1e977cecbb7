"""The walk backwards: every fact is taken back, past refusals. What is gone is no refusal."""

from mooring.adapters.netlink.conversation import Conversations
from mooring.adapters.netlink.turn import GONE, UNSAYABLE, Turn, refusal, spoken_of
from mooring.core.linux import drift, rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import Fact, LinkUp, Rule, Sysctl, Veth
from mooring.core.linux.port import KernelError, Spaces

REAPED = 0x6D6F6F72  # "moor": the group in which links wait to be deleted together


class Removing(Turn):
    """The walk backwards: notes every refusal and goes on. What is gone is no refusal."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self._doomed: dict[str, list[Veth]] = {}
        self._recalled = False  # a link's number was remembered, not asked for
        self._gone = False  # something was not there

    def remove(self, fact: Fact) -> None:
        """Take one fact back, or queue what will; one in an unknown namespace went with it."""
        space = fact.near.space if isinstance(fact, Veth) else fact.space
        if space not in self._spaces:
            return
        try:
            self._remove(fact)
        except UNSAYABLE as err:
            self._note(spoken_of(fact, err))

    def finish(self) -> None:
        """Send the rest, then delete the pairs; several for the price of about one."""
        self.flush()
        for space, pairs in self._doomed.items():
            names = [pair.near.name for pair in pairs]
            for message in removal(names):
                self.queue(space, pairs[0], message)
            self.flush()

    def flush(self) -> None:
        """Send what is queued; what cannot be sent is noted too.

        What is gone by a number that was remembered may be there by another.
        """
        queued = [fact for fact, _ in self._pending]
        if not queued:
            return
        try:
            super().flush()
        except KernelError as err:
            self._note(err)
        recalled, self._recalled = self._recalled, False
        gone, self._gone = self._gone, False
        if recalled and gone:
            self._indices.clear()
            for fact in queued:
                self.remove(fact)
            self.flush()

    def index(self, space: str, link: str, fact: Fact) -> int:
        """Find a link's index; one that was made here is remembered, once."""
        if self._spaces[space] is None and (space, link) not in self._indices:
            number = self._conversations.recall(link)
            if number is not None:
                self._recalled = True
                return self.learn(space, link, number)
        return super().index(space, link, fact)

    def refuse(self, fact: Fact, verdict: wire.Verdict) -> None:
        """Note a refusal that is one."""
        self._note(refusal(fact, verdict))

    def _remove(self, fact: Fact) -> None:
        match fact:
            case Veth(near=near):
                link = self.link(near.space, near.name, fact)
                # Another's link of that name is not the fact: it stays.
                if link is not None and drift.is_end(near, link):
                    self._doomed.setdefault(near.space, []).append(fact)
            case LinkUp() | Sysctl():
                pass  # shared with others, who may still want it
            case Rule(mark=None):
                for each, remove in self._unmarked(fact):
                    self.queue(fact.space, fact, rt.rule(each, remove=remove))
            case _:
                self.queue(fact.space, fact, self.message(fact, remove=True))

    def _unmarked(self, rule: Rule) -> list[tuple[Rule, bool]]:
        """List the rules to remove (True) and make again, so that only the given one goes.

        A rule without a mark, when deleted, names the first of its table and priority.
        """
        self.flush()
        talk = self.conversation(rule.space, rule)
        bodies = talk.dump(rt.dump(rt.GET_RULE, rt.FAMILY[rule.family]))
        found = [rtdump.rule(rule.space, body) for body in bodies]
        if rule not in found:
            return []
        before = [
            each
            for each in found[: found.index(rule)]
            if each is not None
            and (each.priority, each.table) == (rule.priority, rule.table)
        ]
        return [
            *((each, True) for each in [*before, rule]),
            *((each, False) for each in before),
        ]

    def _note(self, error: KernelError) -> None:
        if error.errno not in GONE:
            self.refused.append(error)
        else:
            self._gone = True


def removal(names: list[str]) -> list[wire.Message]:
    """List what deletes links: one costs an RCU grace period, and so does a group."""
    if len(names) == 1:
        return [rt.delete_link(names[0])]
    return [*(rt.link_group(name, REAPED) for name in names), rt.delete_group(REAPED)]
