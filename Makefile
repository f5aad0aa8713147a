# make install   prepare .venv (nothing outside it is touched)
# make run       … and start the app on http://localhost:8501
# make test      … and run every check and test
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

# torch is compiled to bytecode once, not by every process that starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install run test lint unit pages system browser bench docs lock clean

install: $(VENV)/.installed

run: install
	$(BIN)/python -m streamlit run app.py --server.port=$(PORT)

test: lint unit pages system browser

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Several tests at a time, each with one thread: with more they take ten times as long together.
unit pages system: export OMP_NUM_THREADS = 1

unit: $(VENV)/.installed-dev
	sh tests/need-servers.sh
	$(BIN)/python -m pytest tests --ignore=tests/pages --ignore=tests/system --ignore=tests/browser -n 2

# Every page as Streamlit runs it, over small real projects.
pages: $(VENV)/.installed-dev
	sh tests/need-servers.sh
	$(BIN)/python -m pytest tests/pages -n 2

# Real servers, killed processes, real training: minutes, where the unit tests take seconds.
system: $(VENV)/.installed-dev
	sh tests/need-servers.sh
	$(BIN)/python -m pytest tests/system -n 2

browser: $(VENV)/.installed-dev
	sh tests/browser/need-chromium.sh $(BIN)/python
	$(BIN)/python -m pytest tests/browser

bench: $(VENV)/.installed-dev
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

# New versions of everything, tried before they are committed.
lock: $(VENV)/.installed-dev
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --upgrade requirements.txt requirements-dev.txt -o constraints.txt

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "coldstart needs Python 3.11, 3.12 or 3.13; none was found." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv \
		|| echo "uv could not be installed; going on with pip, which takes some minutes." >&2

# uv where it can be had (half a minute), pip where not (minutes); the same versions either way.
define install_packages
	@echo "Installing into $(VENV) …"
	@if $(BIN)/python -m uv --version >/dev/null 2>&1; then \
		$(BIN)/python -m uv pip install --quiet --python $(BIN)/python -c constraints.txt $(1); \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(1); \
	fi
endef

$(VENV)/.installed: $(VENV)/bin/python requirements.txt constraints.txt pyproject.toml
	$(call install_packages,-r requirements.txt -e .)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(call install_packages,-r requirements-dev.txt)
	@touch $@
