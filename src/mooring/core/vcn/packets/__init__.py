"""What the network does with a packet, and the fabric that does it."""
