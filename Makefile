# One word per action. Every target but `setup` makes the environment first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
ARGS ?=

.PHONY: setup demo test accept check bench sim clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox,dev]'
	@touch $(STAMP)

demo: setup
	@$(BIN)/kobling demo $(ARGS)

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not accept' $(ARGS)

accept: setup
	$(BIN)/python -m pytest -m accept $(ARGS)

check: setup
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/tidy tests/docs $(ARGS)

bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

sim: setup
	$(BIN)/python -m pytest -q tests/sim -m 'not accept' $(ARGS)

clean:
	rm -rf .venv
