# Two commands do everything on a machine with git, make and python3: `make demo` and `make test`.
# They make .venv and install what is needed, with uv where it is, else with venv and pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := $(shell command -v uv 2>/dev/null)

# Tests start hundreds of interpreters: each would compile all that it imports, where the machine keeps no bytecode.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache

# `make test AGAIN=--lf` runs only what failed the last time.
AGAIN  :=
PYTEST := -m pytest $(AGAIN) -m "not long"
# `tests/conftest.py` says how many workers `auto` means.
SHARED := -n auto --dist worksteal

# The oldest supported versions, and one between them and the newest.
FLOORS := opentelemetry-api==1.33.1 opentelemetry-sdk==1.33.1 httpx==0.27.0 pydantic==2.8.0
MIDDLE := opentelemetry-api==1.39.1 opentelemetry-sdk==1.39.1

# The Pythons that this machine has, on the path or pyenv's; exits and forks are tested on each.
PYTHONS := 3.10 3.11 3.12 3.13 3.14
python  = $(or $(shell python$(1) -c 'import sys; print(sys.executable)' 2>/dev/null),$(shell \
	for home in "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*; do [ -x "$$home/bin/python" ] && echo "$$home/bin/python" && break; done))

.PHONY: demo test coverage test-long test-versions test-pythons test-frameworks check bench clean help

help:
	@echo "make demo             two conversations become calls in a local Roark, without account or network"
	@echo "make test             the tests"
	@echo "make coverage         the tests, with branch coverage"
	@echo "make test-long        the tests with their loops at full size"
	@echo "make test-versions    the tests with the oldest supported versions, and with OpenTelemetry SDK 1.39.1"
	@echo "make test-pythons     forks and exits on every Python that the machine has"
	@echo "make test-frameworks  real LiveKit Agents and Pipecat, offline, against the local Roark"
	@echo "make check            lint, types, import contracts"
	@echo "make bench            what a span costs, beside the SDK's own processors"

$(READY): pyproject.toml
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python --group dev --editable '.[cli,sandbox]'
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev --editable '.[cli,sandbox]'
endif
	@touch $@

demo: $(READY)
	@$(BIN)/roark-otel demo

test: $(READY)
	$(BIN)/python $(PYTEST) $(SHARED)

coverage: $(READY)
	$(BIN)/python $(PYTEST) $(SHARED) --cov --cov-report=term

test-long: $(READY)
	$(BIN)/python -m pytest $(AGAIN)

.venvs/floors/.ready: PINS = $(FLOORS)
.venvs/middle/.ready: PINS = $(MIDDLE)
.venvs/livekit-1.8.9/.ready: PINS = livekit-agents==1.8.9 opentelemetry-distro
.venvs/livekit-1.4.6/.ready: PINS = livekit-agents==1.4.6
.venvs/pipecat-1.14.0/.ready: PINS = 'pipecat-ai[cartesia,openai,tracing]==1.14.0' opentelemetry-distro
# The package alone: the tests run in .venv and start these as apps.
.venvs/python%/.ready: pyproject.toml
	$(call python,$*) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --editable .
	@touch $@

.venvs/%/.ready: pyproject.toml
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(@D)
	uv pip install --quiet --python $(@D)/bin/python --group test --editable '.[cli,sandbox]' $(PINS)
else
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --group test --editable '.[cli,sandbox]' $(PINS)
endif
	@touch $@

test-versions: .venvs/floors/.ready .venvs/middle/.ready
	.venvs/floors/bin/python $(PYTEST) -q $(SHARED)
	.venvs/middle/bin/python $(PYTEST) -q $(SHARED)

test-pythons: $(READY) $(foreach version,$(PYTHONS),$(if $(call python,$(version)),.venvs/python$(version)/.ready))
	$(BIN)/python $(PYTEST) -q -rs $(SHARED) tests/faults/test_exits.py tests/faults/test_forks.py

# Each version pins its own OpenTelemetry, so each has an environment of its own.
test-frameworks: .venvs/livekit-1.8.9/.ready .venvs/livekit-1.4.6/.ready .venvs/pipecat-1.14.0/.ready
	.venvs/livekit-1.8.9/bin/python $(PYTEST) -q tests/frameworks/livekit
	.venvs/livekit-1.4.6/bin/python $(PYTEST) -q tests/frameworks/livekit
	.venvs/pipecat-1.14.0/bin/python $(PYTEST) -q tests/frameworks/pipecat

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	@# Every public symbol has a type on which all type checkers agree.
	VIRTUAL_ENV=$(CURDIR)/$(VENV) PATH=$(CURDIR)/$(BIN):$$PATH pyright --verifytypes roark_otel --ignoreexternal \
		> $(VENV)/types.txt || { cat $(VENV)/types.txt; exit 1; }
	$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python benchmarks

clean:
	rm -rf $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
