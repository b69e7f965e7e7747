# Every command there is. Needs python3 and make, nothing else.
PY := .venv/bin/python
UV := .venv/bin/uv
LOCK := $(UV) pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --python-version 3.11 --quiet --custom-compile-command "make lock"
DATA ?= data/demo
AUDIO ?= samples

.DEFAULT_GOAL := help
.PHONY: help setup setup-runtime models demo test check lock bench accuracy fault

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

.venv/.uv: requirements/bootstrap.txt
	@python3 -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.runtime: .venv/.uv requirements/runtime.txt pyproject.toml
	@echo "Installing the packages Callfloor runs on ..."
	@$(UV) pip install --quiet --require-hashes -r requirements/runtime.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@echo "Installing the packages its checks and tests need ..."
	@$(UV) pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

lock: .venv/.uv
	$(LOCK) --group build --override requirements/overrides.txt -o requirements/runtime.txt
	$(LOCK) --group dev -o requirements/dev.txt
