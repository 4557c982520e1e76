# Everything a person or a check calls. Each target does its own set-up.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(if $(shell command -v $(name) 2>/dev/null),$(name))))
VENV := .venv/bin
BOOTSTRAP := config/launcher/bootstrap.py
ARGS ?=

.PHONY: help run web realtime test check format bench lock clean sockjs-suite python dev-environment run-environment

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: run-environment ## Start everything on 127.0.0.1:$PORT (8000), data in $DATA_DIR (./var), demo mode unless DEMO=0
	@$(VENV)/python -m config.launcher run --with-parent

web: run-environment ## Start the production web processes alone (WORKERS, HOST, PORT)
	@$(VENV)/python -m config.launcher web

realtime: run-environment ## Start one process for streams and sockets alone (HOST, PORT)
	@$(VENV)/python -m config.launcher realtime

test: dev-environment ## Run the tests beside a PostgreSQL and a Valkey of their own (ARGS="tests/credits -k refund")
	@$(VENV)/python -m config.launcher test $(if $(ARGS),$(ARGS),-n 2 --dist loadfile)

sockjs-suite: dev-environment ## Run the official SockJS suite, fetched from sockjs/sockjs-protocol (SUITE=folder)
	@test -f "$(SUITE)/sockjs-protocol.py" || { echo "atelier: SUITE is no checkout of sockjs/sockjs-protocol" >&2; exit 1; }
	@SOCKJS_SUITE="$(abspath $(SUITE))" $(VENV)/python -m config.launcher test tests/realtime/protocol_suite.py -n 0 -s

check: dev-environment ## Style, types, import rules, settings, migrations
	@$(VENV)/python -m config.launcher check

format: dev-environment ## Lay the code out
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .

bench: dev-environment ## Measure web, books and sockets beside the yardsticks (ARGS=realtime: sockets alone)
	@$(VENV)/python -m bench $(ARGS)

lock: dev-environment ## Resolve the requirements anew (UPGRADE=1 takes newer releases)
	@for name in requirements requirements-embedded requirements-dev requirements-uv; do \
	  $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    $(if $(UPGRADE),--upgrade) $$name.in -o $$name.txt || exit 1; done

clean: ## Remove the environment and what checks left behind (data in ./var stays)
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(PYTHON)" || { echo "atelier: Python 3.11 or later is missing (Debian: apt install python3 python3-venv)" >&2; exit 1; }

run-environment: python
	@$(PYTHON) $(BOOTSTRAP) run && $(VENV)/python -m config.launcher.messages

dev-environment: python
	@$(PYTHON) $(BOOTSTRAP) dev && $(VENV)/python -m config.launcher.messages
