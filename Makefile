# Everything a newcomer needs: make demo, make test. All of it goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find hub devices dashboards -name '*.py' -o -name '*.ts' -o -name '*.css' -o -name '*.po' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo demo-check installed collected test lint types unit servers faults browser bench soak screenshots lock clean

help: ## what there is to run
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 30

# --- setting up -------------------------------------------------------------------------------------------------

.venv/bin/pip:
	@.ci/venv $(PYTHON)

.venv/.demo: requirements.lock pyproject.toml | .venv/bin/pip
	@.ci/venv $(PYTHON) requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/pip
	@.ci/venv $(PYTHON) requirements-dev.lock
	@touch .venv/.demo $@

installed: | .venv/bin/pip # which may need apt for itself
	@.ci/servers

lock: .venv/.dev ## write both lock files anew from pyproject.toml
	@for pair in "requirements.lock --extra postgres" "requirements-dev.lock --extra dev --extra postgres --extra dashboards"; do \
	    set -- $$pair; out=$$1; shift; \
	    env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	        --no-emit-find-links --no-header --no-annotate --python-version 3.11 "$$@" pyproject.toml -o $$out; done

# --- running ----------------------------------------------------------------------------------------------------

demo: .venv/.demo ## set up and run the hub with a simulated community; Ctrl-C stops it
	@$(BIN)/hub demo $(DEMO)

demo-check: .venv/.demo ## start the demo on a new folder, wait for the first ticket, stop: the README's promise, tried
	@$(BIN)/python -m tests.acceptance.demo_check

# --- checking ---------------------------------------------------------------------------------------------------

test: export PYTHONDONTWRITEBYTECODE := # Python is started a hundred times: what was compiled once is kept
test: ## all checks and tests, with real servers and a real browser
	@$(MAKE) --no-print-directory -j2 installed lint types collected
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not soak"

lint: .venv/.dev ## style and formatting
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

types: .venv/.dev ## types, strictly
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/hub check hub/communities/*.toml >/dev/null

collected: .venv/.dev # beside mypy, which leaves a core free; every worker then finds the tests compiled
	@$(BIN)/python -m pytest -qq --collect-only -m "not soak" >/dev/null 2>&1 || true # the run itself says why

unit: .venv/.dev ## only what needs no server, browser or fault
	@$(BIN)/python -m pytest -q -m "not (soak or servers or browser or faults)"

servers faults browser: .venv/.dev ## each of the others by itself
	@$(BIN)/python -m pytest -q -m "$@ and not soak"

bench: .venv/.dev ## speed, as ratios against a reference in the same run
	@.ci/servers libmosquitto-dev gcc libc6-dev
	@$(BIN)/python -m tests.benchmarks $(BENCH)

soak: .venv/.dev ## the long forms
	@.ci/servers libmosquitto-dev gcc libc6-dev
	@$(BIN)/python -m pytest -m soak --timeout=7200

screenshots: .venv/.dev ## every page, both languages, desktop and phone, light and dark
	@.ci/servers
	@$(BIN)/python -m tests.web.screenshots

clean: ## remove .venv, what was built, and the demo's data in hub-data
	rm -rf .venv hub-data build dist hub/web/static/dist
