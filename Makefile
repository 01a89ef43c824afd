# Everything a founder or a stranger types. Python 3.11+, make and git are enough; Java 17+ and
# Maven add the tier on real Apache Kafka.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help demo test test-kafka test-e2e test-e2e-long grafana bench eval lint readme wheel test-wheel clean

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# One stamp per set of extras: installing again is skipped, so a second run needs no network.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tocsin needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: pyproject.toml | $(BIN)/python
	@echo "installing Tocsin into $(VENV) (a minute, once)"
	$(PIP) install --editable '.[embedded]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "installing Tocsin and its test tools into $(VENV)"
	$(PIP) install --editable '.[test]'
	@touch $@ $(VENV)/.embedded

$(VENV)/.lint: pyproject.toml | $(VENV)/.test
	$(PIP) install --editable '.[test,lint]'
	@touch $@

demo: $(VENV)/.embedded  ## watch the New Caledonia campaign ring: broker, worker, page; KEEP=1 leaves them up until Ctrl-C
	$(BIN)/tocsin demo $(if $(KEEP),--keep)

JOBS ?= 2
# A file's tests stay together: they share what is dear to make.
SIDE_BY_SIDE := --numprocesses $(JOBS) --dist loadfile

test: $(VENV)/.test  ## unit, contract, replay and broker tests; real Kafka too where Java and Maven are; JOBS=4
	$(BIN)/python -m pytest --ignore tests/e2e -m 'not kafka' $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest --ignore tests/e2e -m kafka

test-kafka: $(VENV)/.test  ## the tier on real Apache Kafka; fails where Java 17+ or Maven is missing
	KAFKA_TIER=require $(BIN)/python -m pytest --ignore tests/e2e -m kafka

$(VENV)/.e2e: pyproject.toml | $(VENV)/.test
	$(PIP) install --editable '.[e2e]'
	@touch $@

test-e2e: $(VENV)/.e2e  ## real Prometheus, Alertmanager and Chromium; .ci/install-e2e installs them on Debian
	$(BIN)/python -m pytest tests/e2e -m 'not e2e_long'

test-e2e-long: $(VENV)/.e2e  ## Alertmanager away for ten minutes; each runbook in a drill, where Java and Maven are
	$(BIN)/python -m pytest tests/e2e -m e2e_long

grafana: $(VENV)/.e2e  ## write deploy/grafana/dashboards/*.json from dashboards.py
	$(BIN)/python deploy/grafana/dashboards.py deploy/grafana/dashboards

# Of its own: the peers ask for other versions of what Tocsin uses.
build/bench-venv/.done: pyproject.toml
	$(PYTHON) -m venv build/bench-venv
	build/bench-venv/bin/pip --disable-pip-version-check --quiet install --editable '.[bench]'
	@touch $@

bench: build/bench-venv/.done  ## figures against peers: build/bench.json and PNG; ONLY=organic, SHORT=1, REPEAT=7
	build/bench-venv/bin/python -m tests.bench --only "$(ONLY)" $(if $(SHORT),--short) $(if $(REPEAT),--repeat $(REPEAT))

DATA ?= ../shared/data

$(VENV)/.eval: pyproject.toml | $(VENV)/.test
	$(PIP) install --editable '.[eval]'
	@touch $@

eval: $(VENV)/.eval  ## detection quality on real posts: build/eval.json; DATA=folder, ONLY=evasion
	$(BIN)/python -m tests.eval "$(DATA)" --only "$(ONLY)"

lint: $(VENV)/.lint  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

readme: $(VENV)/.test  ## put the settings table of the code into the README, and check its names
	$(BIN)/python .ci/check_docs.py --write

wheel: $(VENV)/.lint  ## build/wheel/tocsin-*.whl
	rm -rf build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel . >/dev/null

test-wheel: wheel  ## unit and contract tests against the built wheel, in an environment of its own
	rm -rf build/wheel-venv
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/pip --disable-pip-version-check --quiet install "$$(ls build/wheel/*.whl)[test]"
	cd tests && ../build/wheel-venv/bin/python -m pytest -c ../pyproject.toml --rootdir .. unit contract replay $(SIDE_BY_SIDE)

clean:  ## remove what the targets made
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
