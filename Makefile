# Everything a person types. On a machine with Python 3.11 or later, make and the package
# registries, each of these does its own set-up the first time and says what it is doing.
#
#   make run          the whole service with a hospital that answers, at http://127.0.0.1:8000
#   make test         every test            (some of them: make test ARGS="tests/messaging -x")
#   make check        lint, format, types, room rules, templates, spelling
#   make bench        messages and pages per second, as a table
#   make faults       faults on purpose, and what they broke (make faults ARGS="--long --seed 7")
#   make screenshots  the pictures in docs/, taken anew from the running pages
#   make hazards      docs/safety/hazards.md, from the tests that prove each control
#   make reset        throw the demo's data away
#   make lock         choose package versions anew, after a change of pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test check bench faults screenshots hazards reset lock setup
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=

PACKAGES := $(VENV)/.installed
STYLES := static/nhsuk/nhsuk-frontend.min.css
ROOMS := accounts catalogue iep messaging nhsuk ordercomms patients requesting results
STRICT := states wire hl7 queries policies services nhs_number matching rules ranges
STRICTLY_TYPED := $(wildcard $(foreach room,$(ROOMS),$(foreach name,$(STRICT),$(room)/$(name).py $(room)/*_$(name).py $(room)/$(name)/*.py $(room)/$(name)/*/*.py $(room)/$(name)/*/*/*.py)))
# Enough for settings.py to be read where no server is asked anything.
NO_SERVER := DEBUG=1 DATABASE_URL=postgresql:///none REDIS_URL=redis://none

help:
	@sed -n '/^#   make /s/^#   //p' Makefile

# --- Set-up: each step runs only when what it is made from has changed ---

setup: $(PACKAGES) $(STYLES)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, and $(PYTHON) is not. Name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment: its venv module is missing."; \
	  echo "On Debian and Ubuntu it is the package python3-venv."; exit 1; }
	@echo "Making a virtual environment in $(VENV)/"
	@$(PYTHON) -m venv $(VENV)

$(PACKAGES): requirements.lock | $(PY)
	@echo "Installing the Python packages of requirements.lock (a minute or so the first time)"
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(STYLES): package-lock.json .npmrc demo/styles.py | $(PACKAGES)
	@echo "Fetching the NHS design system's styles"
	@$(PY) -m demo.styles

# --- What a person does ---

run: setup
	@$(PY) -m demo.run --stop-with-parent

test: setup
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup
	@echo "Lint and format";     $(PY) -m ruff check --quiet . && $(PY) -m ruff format --check --quiet .
	@echo "Rules of the rooms";  $(PY) -c 'from importlinter.cli import lint_imports_command as run; run()'
	@echo "Types";               $(NO_SERVER) $(PY) -m mypy $(STRICTLY_TYPED)
	@echo "Templates";           $(PY) -m djlint --quiet --lint templates
	@echo "Spelling";            $(PY) -m codespell_lib
	@echo "Migrations";          $(NO_SERVER) $(PY) -W ignore manage.py makemigrations --check --dry-run

bench: setup
	@$(PY) -m tests.bench
	@$(PY) -m tests.bench.pages
	@$(PY) -m tests.bench.dicom
	@$(PY) -m tests.bench.lanes

faults: setup
	@$(PY) -m tests.faults $(ARGS)

screenshots: setup
	@SCREENSHOTS=1 $(PY) -m pytest tests/journeys $(ARGS)

hazards: setup
	@$(PY) -m tests.house.hazard_log

reset: setup
	@$(PY) -m demo.run --reset

LOCK := -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-header --no-emit-index-url --no-emit-find-links pyproject.toml

lock: $(PACKAGES)
	@echo "Choosing versions: requirements.lock, and the product's own part of it for the image"
	@$(PY) $(LOCK) --group servers --group test -o requirements.lock
	@$(PY) $(LOCK) --constraint requirements.lock -o requirements-runtime.lock
