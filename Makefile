# `make run` starts Canevas on a machine that has Python 3.11 or newer and pip; `make test` proves it.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$python" && break; done)
UV_VERSION := 0.13.9
ENV := .venv
BIN := $(ENV)/bin
UV := .bootstrap/bin/uv
READY := $(ENV)/.installed
WEIGHTS := $(or $(CANEVAS_WEIGHTS),$(or $(CANEVAS_HOME),.canevas)/weights)

.PHONY: run link weights test check soak peers lock browser clean
.DEFAULT_GOAL := run

run: $(READY) | $(WEIGHTS)
	@exec $(BIN)/python -m canevas up

link: $(READY)
	@$(BIN)/python -m canevas link

# The built-in models are fetched at the first start; without them everything else works.
$(WEIGHTS): | $(READY)
	@$(BIN)/python -m canevas weights || echo "Starting without the built-in models; 'make weights' tries again."

weights: $(READY)
	@$(BIN)/python -m canevas weights

test: check browser weights
	$(BIN)/python -m pytest -n 2 -m "not soak" --cov=runtime --cov=nodes --cov-report=term:skip-covered --cov-fail-under=90

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(READY) browser
	$(BIN)/python -m pytest -m soak
	CANEVAS_EXAMPLES=100000 $(BIN)/python -m pytest -n 2 tests/graph tests/interpreter

# The engine beside others, in an environment of its own so that nobody else installs them.
peers: $(UV)
	$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .peers
	$(UV) pip install --quiet --python .peers/bin/python -r pyproject.toml --group peers
	.peers/bin/python benchmarks/engine_peers.py
	.peers/bin/python benchmarks/durable.py

# The exact versions with their hashes; run it after a change of the dependencies in pyproject.toml.
lock: $(UV)
	$(UV) pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements.lock pyproject.toml

# The environment is as requirements.lock says; nothing is installed while that file stays the same.
$(READY): requirements.lock
	@test -n "$(PYTHON)" || { echo "Canevas needs Python 3.11 or newer. Install it, or name it: make run PYTHON=/path/to/python3.11"; exit 1; }
	@if $(MAKE) --no-print-directory $(UV); then \
		{ test -x $(BIN)/python || $(UV) venv --quiet --seed --python "$(PYTHON)" $(ENV); } && \
		$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
	else \
		{ test -x $(BIN)/python || $(MAKE) --no-print-directory environment; } && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	fi
	@touch $@

# uv installs many times faster than pip; everything works without it, too.
$(UV):
	@echo "Preparing the environment."
	@PIP_ROOT_USER_ACTION=ignore "$(PYTHON)" -m pip install --quiet --disable-pip-version-check --target .bootstrap uv==$(UV_VERSION) || \
		{ echo "uv cannot be had; pip does it, more slowly."; exit 1; }

# Some systems ship Python without the part that `venv` needs to give an environment its pip.
.PHONY: environment
environment:
	@"$(PYTHON)" -m venv $(ENV) 2>/dev/null || { rm -rf $(ENV) && \
		"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --target .bootstrap virtualenv && \
		PYTHONPATH=.bootstrap "$(PYTHON)" -m virtualenv --quiet $(ENV); }

# Tests drive a Chromium: the system's, or Playwright's, or the distribution's.
browser: $(READY)
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; done; \
	$(BIN)/python -m playwright install chromium || \
	{ test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q chromium; } || \
	{ echo "The tests need Chromium: install it with your package manager."; exit 1; }

# Everything that was built or installed here; flows and secrets in .canevas stay.
clean:
	rm -rf .bootstrap .peers $(ENV) .web build reflex.lock assets/external .states .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis tests/screens
