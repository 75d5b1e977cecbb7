# Everything a developer runs. ./demo and ./test install what is missing and then call these.
PY := .venv/bin/python
SOURCES := src tests native deploy setup.py

.PHONY: setup demo test check lint core upstream e2e e2e-full schedules soak bench golden format lock clean

setup: ## install what is missing: system packages, .venv, the CNI executable
	scripts/setup

demo: ## the main job, told step by step
	.venv/bin/mooring lab demo

test: check ## all tests but those of `upstream`, `schedules` and `e2e`; needs root
	$(PY) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder tests/adapters tests/journeys

check: ## all that needs no root: `lint` and `core`, side by side
	@$(MAKE) --no-print-directory -j 2 lint core

lint: ## format, lint, types, import contracts
	.venv/bin/ruff format --check -q $(SOURCES)
	.venv/bin/ruff check -q $(SOURCES)
	.venv/bin/mypy
	.venv/bin/lint-imports

core: ## the core's tests, with their coverage, and the house's
	$(PY) -m pytest -q -n 2 tests/house tests/core --cov --cov-report=term:skip-covered

upstream: ## programs of others, unmodified: the Go SDK, the oci command, cnitool, CNI plugins, podman
	tests/upstream/setup
	$(PY) -m pytest -q tests/clients tests/upstream

e2e: ## the Kubernetes suite: a real cluster in the lab, upstream's conformance specs too
	tests/kubernetes/setup
	$(PY) -m pytest -q tests/kubernetes --ignore=tests/kubernetes/full

E2E := tests/kubernetes
e2e-full: e2e upstream ## the same, kube-proxy's other mode, two families and IPv6 alone, three nodes, the fast path, heavy clients
	$(PY) -m pytest -q -o faulthandler_timeout=7200 $(E2E)/full
	MOORING_E2E_PROXY=iptables $(PY) -m pytest -q $(E2E)/test_traffic.py $(E2E)/test_conformance.py
	for families in IPv4,IPv6 IPv6,IPv4 IPv6; do MOORING_E2E_FAMILIES=$$families $(PY) -m pytest -q \
	  $(E2E)/test_traffic.py $(E2E)/test_many_pods.py $(E2E)/test_survival.py || exit 1; done
	MOORING_E2E_NODES=3 MOORING_E2E_PROXY=iptables MOORING_E2E_FAMILIES=IPv6,IPv4 $(PY) -m pytest -q $(E2E)/test_traffic.py
	MOORING_E2E_FAST_PATH=on MOORING_E2E_FAMILIES=IPv4,IPv6 $(PY) -m pytest -q $(E2E)/test_traffic.py

schedules: ## die at every crash point, then play N schedules of calls, deaths and refusals
	PYTHONPATH=tests $(PY) -m survival.run --points $(or $(N),10000)

soak: ## ADD and DEL at full rate for MINUTES with faults and kills; in the end nothing may differ
	PYTHONPATH=tests:tests/bench $(PY) tests/soak/run.py --minutes $(or $(MINUTES),20)

bench: ## the table of performance ratios, written to build/bench.json; ROWS="add_p50 …" chooses some
	PYTHONPATH=tests $(PY) tests/bench/run.py $(ROWS)

golden: ## rewrite the golden files; the difference is the review
	MOORING_GOLDEN=write $(PY) -m pytest -q tests/core -k golden

format:
	.venv/bin/ruff format $(SOURCES)
	.venv/bin/ruff check --fix -q $(SOURCES)

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-find-links -q
IMAGES := src/mooring/lab/images
ASYNC := aiohttp aiohappyeyeballs aiosignal attrs frozenlist multidict propcache yarl # the SDK's second, unused way to speak

lock: ## write the locks anew from pyproject.toml (needs uv on PATH)
	{ echo '# Hashed versions of everything that runs, tests and builds Mooring; `make lock` writes it from pyproject.toml.'; \
	  $(COMPILE) --extra dev pyproject.toml; } > requirements.lock.new
	mv requirements.lock.new requirements.lock
	{ echo '# What the images of agent and controller hold of others (deploy/Dockerfile); `make lock` writes it.'; \
	  $(COMPILE) -c requirements.lock --extra agent pyproject.toml; } > $(IMAGES)/agent.lock.new
	mv $(IMAGES)/agent.lock.new $(IMAGES)/agent.lock
	{ echo '# What the image of the controller holds besides, for the cloud (deploy/Dockerfile); `make lock` writes it.'; \
	  $(COMPILE) -c requirements.lock --extra controller pyproject.toml $(addprefix --no-emit-package ,$(ASYNC)) \
	    $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' $(IMAGES)/agent.lock); } > $(IMAGES)/cloud.lock.new
	mv $(IMAGES)/cloud.lock.new $(IMAGES)/cloud.lock
	{ echo '# What builds Mooring itself for its images (deploy/Dockerfile); `make lock` writes it.'; \
	  printf 'setuptools\nziglang\n' | $(COMPILE) -c requirements.lock -; } > $(IMAGES)/build.lock.new
	mv $(IMAGES)/build.lock.new $(IMAGES)/build.lock

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/mooring/_native
