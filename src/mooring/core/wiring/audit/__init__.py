"""Pods, ledger, kernel, NativePodNetwork and cloud side by side: what differs, why, and what to do."""
