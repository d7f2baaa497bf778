# Two commands work from a bare clone: `make serve` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock' -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help serve test lint format typecheck imports unit docs reference lock sbom exhaustive test-compose test-gpu test-slow load benchmarks clean

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp per set of extras, so that nothing is installed twice.
# All that a server needs comes with a hash that pip checks; the project itself needs no download.
$(VENV)/.server: pyproject.toml requirements/build.txt requirements/server.txt | $(BIN)/python
	$(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/server.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.server

$(VENV)/.slow: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP_INSTALL) -c constraints.txt -e '.[slow]'
	@touch $@ $(VENV)/.test $(VENV)/.server

serve: $(VENV)/.server ## install what a server needs and start it on 127.0.0.1:8000
	$(BIN)/python -m app

test: $(VENV)/.test lint typecheck imports unit ## everything that must hold before a commit

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(VENV)/.test ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

typecheck: $(VENV)/.test
	$(BIN)/mypy

imports: $(VENV)/.test
	$(BIN)/lint-imports

unit: $(VENV)/.test
	$(BIN)/python -m pytest

docs: $(VENV)/.test ## the pages of docs/, in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

reference: $(VENV)/.test ## write what is made of the code: settings, the HTTP interface, initializers and their like
	$(BIN)/python -m app.settings_table > docs/settings.md
	$(BIN)/python -m app.environment_example > .env.example
	$(BIN)/python -m app.reference docs/reference

lock: $(VENV)/.test ## write requirements/*.txt anew: the versions of constraints.txt, with hashes
	$(LOCK) --extra server --extra postgres --extra tracing -o requirements/server.txt pyproject.toml
	$(LOCK) -o requirements/build.txt requirements/build.in
	$(LOCK) -o requirements/sbom.txt requirements/sbom.in

sbom: ## list what is installed in .venv, with licences, in build/sbom.cdx.json
	sh docker/sbom.sh $(BIN)/python build/sbom.cdx.json

exhaustive: $(VENV)/.test ## all 2^32 words, both backends, against the digest (minutes)
	$(BIN)/python -m tests.exhaustive

test-compose: $(VENV)/.test ## build the image, bring up the compose file with its profiles, and try them (minutes)
	WB_TEST_COMPOSE=1 $(BIN)/python -m pytest tests/compose

test-gpu: $(VENV)/.test ## the same bytes from a GPU, all 2^32 words among them; skips where there is none
	$(BIN)/python -m pytest -m gpu tests/gpu

test-slow: $(VENV)/.slow ## thousands of requests, many clients at once, servers beside each other (minutes)
	$(BIN)/python -m pytest -m slow tests

load: $(VENV)/.test ## two hundred clients for two minutes; figures in benchmarks/results/load.md
	$(BIN)/python -m benchmarks.load

benchmarks: $(VENV)/.test ## beside their peers, in one run (half an hour; needs nginx and curl)
	$(BIN)/python -m benchmarks.initializers
	$(BIN)/python -m benchmarks.ranges
	$(BIN)/python -m benchmarks.http
	$(BIN)/python -m benchmarks.checkpoints
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.faults

clean: ## remove what make made
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
