# The commands people type. `make` alone lists them. Needs Python 3.11 or newer, pip and make.

PYTHON ?= python3
BIN := .venv/bin
# Worker processes for the tests. Tests of one file stay together and in order.
JOBS ?= 2
# Inputs for each target of `make fuzz`.
RUNS ?= 2000

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-smoke bench-load bench-query bench-activation bench-peers fuzz campaign campaign-bundles proto tables errors fmt lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.installed ## the product in one minute, on the starter policies
	$(BIN)/pdp demo

test: .venv/.installed ## all tests; ARGS="tests/lang -k window" for some of them
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: .venv/.installed ## format, lint, types, architecture, tidiness
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_tidy.py

bench: .venv/.installed ## what a decision costs, beside an empty handler on the same transport
	$(BIN)/python benchmarks/decide.py $(ARGS)

bench-smoke: .venv/.installed ## the evaluator agrees with a hand-written function; ratios, in a minute
	$(BIN)/python -m benchmarks.peers.smoke $(ARGS)

bench-load: .venv/.installed ## what starting with many rules takes, from text and from the compact form
	$(BIN)/python -m benchmarks.load $(ARGS)

bench-query: .venv/.installed ## what a question to the decision log takes; ARGS="--records 100000"
	$(BIN)/python -m benchmarks.query $(ARGS)

bench-activation: .venv/.installed ## activations under load: mixtures, p99, memory, expiry; an hour
	$(BIN)/python -m benchmarks.activation $(ARGS)

bench-peers: .venv-peers/.installed ## the evaluator beside other engines; half an hour
	.venv-peers/bin/python -m benchmarks.peers.run $(ARGS)

fuzz: .venv/.installed ## look for inputs that break something; RUNS=20000 for longer
	$(BIN)/python tools/fuzz.py --runs $(RUNS) $(ARGS)

campaign: .venv/.installed ## what is too long for every change: a million inputs for each target; ARGS=parser
	$(BIN)/python tools/fuzz.py --runs 1000000 --guided 10000 --max-bytes 900 --result benchmarks/results/fuzz.json $(ARGS)

campaign-bundles: .venv/.installed ## a million changed bundles, of which none may be accepted
	$(BIN)/python tools/mutate_bundles.py --count 1000000 --result benchmarks/results/mutated_bundles.json $(ARGS)

proto: .venv/.installed ## write pdp/_proto from proto/
	$(BIN)/python tools/generate_proto.py

tables: .venv/.installed ## write pdp/lang/reading/tables.py from the grammar
	$(BIN)/python tools/generate_tables.py

errors: .venv/.installed ## write docs/errors.md from the catalogue of diagnostics
	$(BIN)/python tools/errors_page.py

fmt: .venv/.installed ## format, and fix what the linter can fix safely
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## write requirements.lock from pyproject.toml; ARGS=--upgrade for newer versions
	$(PYTHON) tools/lock.py $(ARGS)

clean: ## remove all that these commands made, .venv too
	rm -rf .venv .venv-peers build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A changed lock makes a new environment, so that nothing unlocked stays behind.
.venv/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

# The engines measured beside ours have an environment of their own.
.venv-peers/.locked: benchmarks/peers/requirements.lock
	$(PYTHON) -m venv --clear .venv-peers
	.venv-peers/bin/python benchmarks/peers/install.py
	@touch $@

.venv-peers/.installed: .venv-peers/.locked pyproject.toml
	.venv-peers/bin/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@
