# Everything a developer runs. ./demo and ./test install what is missing and call these.
PY := .venv/bin/python

.PHONY: setup
setup:
	scripts/setup
