# The project's commands. Each does the set-up that it needs; `make` alone lists them.
# Needs GNU make 3.81 or later, a POSIX shell and any Python 3.8 or later.

PYTHON ?= python3
BIN := .venv/bin
COMPILE := .tools/bin/uv pip compile -q --python-version 3.13 --python-platform linux --generate-hashes \
	--no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-packets test-stateful bench bench-activity bench-deadlines bench-portal lint format types lock vendor package clean distclean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/  make \1#\2/p' Makefile | awk -F'#' '{ printf "%-20s %s\n", $$1, $$2 }'

setup:  ## install what the box and the tests need, under .venv and .tools
	@$(PYTHON) emulator/install.py

demo: setup  ## play the main job from end to end, then go on serving; ONCE=1 ends after the story
	@$(BIN)/python -m emulator.story

run: setup  ## start the box and serve until Ctrl-C
	@$(BIN)/python -m emulator.box

# The portal is tried in a real browser, and gates of servers with the kernel's firewall: a build machine that is root on
# Debian or Ubuntu installs both; elsewhere the machine has them, or those tests are skipped and say so.
test: setup lint  ## check everything: lint, types, layers and all tests
	@if [ "$$CI" = true ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then wanted=; \
		{ command -v chromium || command -v google-chrome; } >/dev/null || wanted="chromium"; \
		{ command -v nft && command -v ip && command -v conntrack; } >/dev/null || wanted="$$wanted nftables iproute2 conntrack"; \
		[ -z "$$wanted" ] || { apt-get update -qq && apt-get install -qq -y --no-install-recommends $$wanted; } || \
			echo "$$wanted could not be installed: tests that need it are skipped"; fi
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Elsewhere than on Debian and Ubuntu, and without root, the machine has these tools or the tests are skipped.
test-packets: setup  ## compare with the Linux kernel at length; as root it installs nftables, iproute2 and conntrack
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		! { command -v nft && command -v ip && command -v conntrack; } >/dev/null; \
	then apt-get update -qq && apt-get install -qq -y --no-install-recommends nftables iproute2 conntrack; fi
	PACKETS=long $(BIN)/python -m pytest tests/packets

test-stateful: setup  ## tell random stories of grants at length, and hold them against a plain model
	STORIES=long $(BIN)/python -m pytest tests/stateful

bench: setup  ## measure the list of 10,000 machines, beside what one would write by hand
	@$(BIN)/python -m benchmarks.inventory

bench-activity: setup  ## measure a look back at a month and a million rows of flows, beside counting them by hand
	@$(BIN)/python -m benchmarks.activity

bench-deadlines: setup  ## measure how punctually 1,000 grants close, beside deleting their rules by hand
	@$(BIN)/python -m benchmarks.deadlines

bench-portal: setup  ## measure how smooth the portal stays while 10,000 machines are shown; needs a Chromium
	@$(BIN)/python -m benchmarks.portal

lint: setup types  ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: setup  ## check types
	$(BIN)/mypy

format: setup  ## put the code into the house's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup  ## pin the dependencies of pyproject.toml again; UPGRADE=--upgrade takes newer ones
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --extra aws -o requirements-aws.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev -o requirements-dev.txt

vendor: setup  ## put the released files of the portal's libraries in place again, as npm has them
	@$(BIN)/python -m tests.packages.vendor

package: setup  ## build dist/postern.zip: what is deployed, with its dependencies, ready to run; AWS=1 with boto3
	@$(BIN)/python scripts/package.py $(if $(AWS),--aws)

clean:  ## remove the box's state and all caches
	rm -rf dist .box .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +

distclean: clean  ## remove what setup installed as well
	rm -rf .tools .venv
