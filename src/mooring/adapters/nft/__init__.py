"""nftables of a namespace: whole scripts by nft, set elements by hand.

A script costs a process, or where nft's library is kept open (`Nft.hold`) a few milliseconds less
than that; a change of elements is a system call.
"""

from mooring.adapters.nft.tool import Nft

__all__ = ["Nft"]
