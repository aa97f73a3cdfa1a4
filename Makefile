# Every target does its own set-up: a virtual environment from the lock files, renewed when they change.

VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough; the system's and a version manager's are both fine.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

RUN_LOCKS := requirements/agent.lock requirements/server.lock
DEV_LOCKS := requirements/dev.lock
stamp = $(VENV)/.installed-$(1)-$(shell cat $(2) | cksum | cut -d ' ' -f 1)
RUN := $(call stamp,run,$(RUN_LOCKS))
DEV := $(call stamp,dev,$(DEV_LOCKS))
SAY_INSTALL := echo 'installing what the lock files name'
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

.PHONY: demo serve test test-long lint bench screenshots lock help
.DEFAULT_GOAL := help

help:
	@echo 'make demo       everything on this machine, one real message, and what the server knew of it'
	@echo 'make serve      the server alone; ARGS="--host 0.0.0.0 --port 8000"'
	@echo 'make test       all tests of the short tier, about a quarter of an hour on two processors; installs what it lacks when it may'
	@echo 'make test-long  soak, long faults, load, long fuzz: one to two hours on two processors; says how far it is'
	@echo 'make lint       format, lint, types, import contracts, migrations'
	@echo 'make bench      measurements against raw baselines, into bench/results.json'
	@echo 'make screenshots  pictures of every page into docs/screenshots; needs chromium'
	@echo 'make lock       new lock files from pyproject.toml'

demo: $(RUN)
	@$(BIN)/python manage.py mesa_demo $(ARGS)

serve: $(RUN)
	@$(BIN)/python manage.py mesa_up $(ARGS)

test: $(DEV)
	@tests/run.sh short

test-long: $(DEV)
	@tests/run.sh long

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.js.tools lint
	@$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(DEV)
	@$(BIN)/python -m bench $(ARGS)

screenshots: $(DEV)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

lock: $(DEV)
	@$(BIN)/python requirements/lock.py

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Mesa needs Python 3.11 or newer' >&2; exit 1; }
	@tests/install.sh "$(PYTHON)" python3-venv
	@echo 'setting up $(VENV) (about a minute, once)'
	@$(PYTHON) -m venv $(VENV)

# The development set holds everything of the other one, in the same versions.
$(RUN): | $(BIN)/python
	@test -e $(DEV) || { $(SAY_INSTALL); $(INSTALL) $(addprefix -r ,$(RUN_LOCKS)); }
	@touch $@

$(DEV): | $(BIN)/python
	@$(SAY_INSTALL)
	@$(INSTALL) $(addprefix -r ,$(DEV_LOCKS))
	@touch $@
