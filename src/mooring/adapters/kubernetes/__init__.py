"""The Kubernetes API server: connections, followers, leases, events, the store of objects."""
