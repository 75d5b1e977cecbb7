"""GC: attachments of one network that a runtime does not know any more are ended.

A caller that gives no list at all knows of nothing to keep, says the specification; what
it means in practice is that nobody made a list. Then only attachments go whose namespace
and link are gone.
"""

from mooring.agent.attach import Attachments
from mooring.agent.book import Book
from mooring.agent.host import Host, open_alive
from mooring.agent.reap import Doomed, Reaper
from mooring.core.cni.request import AttachmentId, Gc
from mooring.core.ipam.ledger import Lease, Phase
from mooring.core.wiring.names import host_link, read_alias, words
from mooring.core.wiring.strays import host_ends


class Collect:
    """Answers GC."""

    def __init__(
        self, host: Host, book: Book, attachments: Attachments, reaper: Reaper
    ) -> None:
        self._host = host
        self._book = book
        self._attachments = attachments
        self._reaper = reaper

    async def turn(self, request: Gc) -> None:
        """End what is not to be kept of the request's network."""
        network = request.conf.name
        for lease in list(self._book.ledger.leases.values()):
            ours = lease.attachment.network == network
            if ours and lease.phase is Phase.WIRED and self._over(lease, request.valid):
                self._host.say("collected", attachment=words(lease.attachment))
                await self._attachments.delete(lease.attachment)
        if request.valid is not None:
            self._remove_unknown(network, request.valid)

    def _over(self, lease: Lease, valid: frozenset[AttachmentId] | None) -> bool:
        if valid is not None:
            return lease.attachment not in valid
        if self._host.kernel.link(None, host_link(lease.attachment)) is not None:
            return False
        fd = open_alive(self._host.namespaces, lease.netns)
        if fd is not None:
            self._host.namespaces.close(fd)
        return fd is None

    def _remove_unknown(self, network: str, valid: frozenset[AttachmentId]) -> None:
        """Remove links of this network that neither a lease nor the runtime knows."""
        links = self._host.kernel.links(None)
        for name in host_ends(links):
            alias = read_alias(links[name].alias)
            if alias is None or alias.attachment.network != network:
                continue
            known = alias.attachment in self._book.ledger.leases
            if not known and alias.attachment not in valid:
                self._host.say("orphan", link=name)
                self._reaper.take(Doomed(name))
