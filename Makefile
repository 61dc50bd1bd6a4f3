# One word per action. Every target but `setup` makes the environment first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
ARGS ?=

.PHONY: setup demo test accept check docs bench sim clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox,dev]'
	@touch $(STAMP)

demo: setup
	@$(BIN)/kobling demo $(ARGS)

# Those of the documents and of the shape of the code are part of `check`.
test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not accept' --ignore=tests/docs --ignore=tests/tidy $(ARGS)

accept: setup
	$(BIN)/python -m pytest -m accept $(ARGS)

check: setup
	$(BIN)/ruff check src tests docs
	$(BIN)/ruff format --check src tests docs
	$(BIN)/mypy src docs/generator
	$(BIN)/python -m docs.generator --check
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/tidy tests/docs $(ARGS)

docs: setup
	$(BIN)/python -m docs.generator

bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

sim: setup
	HYPOTHESIS_PROFILE=drawn $(BIN)/python -m pytest -q tests/algebra $(ARGS)

clean:
	rm -rf .venv
