"""The cloud network as values: its objects, its limits, its API, its verdicts."""
