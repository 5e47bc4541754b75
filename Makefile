# One command per need; the README, CONTRIBUTING and CI call these same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests

.PHONY: help run test check proof bench corpus format build clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed ## Install and start the demo: a sample newsroom, an inbox, the daemon
	@$(BIN)/digest demo

test: $(VENV)/.installed-dev ## Install what the tests need and run all of them
	@sh tests/install-system-packages
	@sh tests/install-node-packages $(VENV)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not proof" $(TESTS)

check: $(VENV)/.installed-dev ## Lint, types, import contract, fast tests: under 30 s
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/lint-imports --no-timings >/dev/null || $(BIN)/lint-imports
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow and not browser and not postgresql and not proof" $(TESTS)

proof: $(VENV)/.installed-dev ## The longer matrix: spam filters, verifiers, a real Postfix, every view of the mail
	@sh tests/install-system-packages proof
	@sh tests/install-node-packages $(VENV)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m proof $(TESTS)

bench: $(VENV)/.installed-dev ## Print how fast it is, one line per figure
	@$(BIN)/python -m tests.bench

corpus: $(VENV)/.installed-dev ## Print how much of the real material (../shared/corpus) is read right
	@$(BIN)/python -m tests.corpus

format: $(VENV)/.installed-dev ## Format the code
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

build: $(VENV)/.installed-dev ## Build the wheel into dist/
	@$(BIN)/python -m build -q --wheel --no-isolation --outdir dist .

clean: ## Remove what was installed and built; var/ stays
	rm -rf $(VENV) dist build

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Digest needs Python 3.11 or newer; say: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
