# make serve    make the environment and serve the app
# make test     make the environment and run the tests, browser and slow ones included
# make heavy    the few that take longer still, before a release
# make install  make the environment only
# make docs     build the documentation into build/docs; warnings are errors

PYTHON ?= python3
PORT ?= 5006
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CHROMIUM ?= /usr/bin/chromium

.PHONY: install serve test heavy unit lint docs chromium clean

install: $(STAMP)

# torch first and alone: resolved with the rest, pip may take a CUDA build of several GB.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and f"Python 3.11 is needed, this is {v[0]}.{v[1]}; run make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[app,fsps,mcmc,scale,docs,dev]'
	touch $@

serve: install
	$(BIN)/sedflow serve --port $(PORT)

test: install chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not heavy'

heavy: install
	$(BIN)/python -m pytest -m heavy

unit: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify notebooks/*.ipynb

docs: install
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q -d build/doctrees docs build/docs

# Browser tests need Chromium: installed from Debian's packages where it is missing and the
# user may; elsewhere the tests say what is missing.
chromium:
	@if [ ! -x $(CHROMIUM) ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
