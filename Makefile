# make serve    make the environment and serve the app
# make test     make the environment and run the tests, browser and slow ones included
# make heavy    the few that take longer still, before a release
# make install  make the environment only
# make unit     the quick tests; `make unit PYTHON=python3.13` runs those that need no torch
# make lint-js  types and lint of the static site's JavaScript, where node is installed
# make docs     build the documentation into build/docs; warnings are errors

VENV := .venv
PYTHON ?= $(if $(wildcard $(VENV)/bin/python),$(VENV)/bin/python,python3)
PORT ?= 5006
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := -m pip install --quiet --disable-pip-version-check -c constraints.txt
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
UNIT := $(if $(filter 3.11,$(VERSION)),$(VENV),.venv-$(VERSION))
CHROMIUM ?= /usr/bin/chromium
# Two processes, and whole files, those with long tests first (tests/conftest.py).
TWO := -n 2 --dist loadfile --no-loadscope-reorder
SITE_JS := $(addprefix sedflow/site/static/,engine numerics state figures parts pages)

.PHONY: install serve test heavy unit lint lint-js docs chromium clean

install: $(STAMP)

# torch first and alone: resolved with the rest, pip may take a CUDA build of several GB.
$(STAMP): pyproject.toml constraints.txt
	@[ "$(VERSION)" = 3.11 ] || { echo "constraints.txt is for Python 3.11, this is $(VERSION); run make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) torch
	$(BIN)/python $(PIP) -e '.[app,filters,fsps,mcmc,scale,train,docs,dev]'
	touch $@

# Another Python has an environment of its own, without torch: the tests that need torch are skipped.
.venv-%/.installed: pyproject.toml constraints.txt tools/without_torch.py
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python tools/without_torch.py | xargs -d '\n' $(@D)/bin/python $(PIP)
	$(@D)/bin/python $(PIP) --no-deps -e .
	touch $@

serve: install
	$(BIN)/sedflow serve --port $(PORT)

test: install chromium
	$(BIN)/python -m pytest $(TWO) -m 'not heavy'

heavy: install
	$(BIN)/python -m pytest -m heavy

unit: $(UNIT)/.installed
	$(UNIT)/bin/python -m pytest $(TWO)

lint: install lint-js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb
	$(BIN)/pip-licenses
	$(BIN)/python tools/audit.py

# npm keeps the tools in its own cache: nothing of them is in the tree, and the site needs none.
lint-js:
	@if command -v npx >/dev/null && npx --yes --package typescript@5.9.3 tsc -v >/dev/null 2>&1; then \
	  npx --yes --package typescript@5.9.3 tsc -p jsconfig.json && \
	  npx --yes --package typescript@5.9.3 tsc -p jsconfig.pages.json && \
	  npx --yes --package eslint@9.39.1 eslint $(SITE_JS) sedflow/dashboard; \
	else echo "lint-js is skipped: node or its registry is not there"; fi

docs: install
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q -d build/doctrees docs build/docs

# Browser tests need Chromium: installed from Debian's packages where it is missing and the
# user may; elsewhere the tests say what is missing.
chromium:
	@if [ ! -x $(CHROMIUM) ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi

clean:
	rm -rf $(VENV) .venv-3.* build *.egg-info .pytest_cache .ruff_cache
