"""NativePodNetwork: what a node's pods need of the cloud, and how it is reached."""
