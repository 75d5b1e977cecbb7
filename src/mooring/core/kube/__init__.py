"""The Kubernetes objects that are read, and how a program follows, leads and tells there."""
