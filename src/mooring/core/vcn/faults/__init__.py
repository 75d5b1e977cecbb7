"""Faults on demand, budgets, late lists: the cloud's bad days as values."""
