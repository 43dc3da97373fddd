# The two commands: `make run` and `make test`. `make help` lists the rest.

CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/bulkhead
export CARGO_TARGET_DIR ?= $(CACHE)/target
export BULKHEAD_CACHE := $(CACHE)
export PATH := $(CACHE)/tools/bin:$(PATH)
BULKHEAD := $(CARGO_TARGET_DIR)/release/bulkhead
UI_SOURCES := $(shell find ui -type f -not -path 'ui/node_modules/*' -not -path 'ui/.next/*' -not -path 'ui/out/*' 2>/dev/null)

.PHONY: help run build ui test check unit e2e ui-test chaos incident upgrade bench bench-policy bench-lists bench-inserts fuzz fmt clean

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 18

run: build ## Build everything and start it: one port, embedded database
	@exec "$(BULKHEAD)" up $(ARGS)

build: ui ## Build the dashboard and the release binary
	@scripts/need cargo
	@echo "==> building the release binary"
	@cargo build --release --locked -p bulkhead-app

ui: ui/out/.built ## Build the dashboard

ui/out/.built: $(UI_SOURCES)
	@scripts/need node npm
	@echo "==> building the dashboard"
	@cd ui && npm ci --no-audit --no-fund && npm run build
	@touch $@

test: ## Install what the tests need and run every test
	@scripts/setup-tests
	@$(MAKE) --no-print-directory check unit build ui-test e2e

check: ## Format, lints, floors, licences
	@scripts/need cargo
	@echo "==> format, floors, lints, licences"
	@cargo fmt --all --check
	@scripts/check-floors
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@cargo deny --log-level error check bans licenses sources

unit: ## Tests of the crates, on SQLite and on PostgreSQL
	@echo "==> tests of the crates"
	@cargo nextest run --locked --workspace

ui-test: ## Tests of the dashboard's code
	@echo "==> tests of the dashboard"
	@cd ui && { [ -d node_modules ] || npm ci --no-audit --no-fund; } && npm run check

e2e: ## The real binary, official SDKs, browser, failures
	@echo "==> end-to-end tests"
	@cargo build --quiet --locked -p bulkhead-testkit --bins
	@BULKHEAD_BIN="$(BULKHEAD)" e2e/run

chaos: build ## The failure laboratory in its long form; CHAOS=full for the longest outage; writes bench/results/
	@cargo build --release --quiet --locked -p bulkhead-testkit --bins
	@CHAOS=$(or $(CHAOS),long) BULKHEAD_BIN="$(BULKHEAD)" TESTKIT_BIN_DIR="$(CARGO_TARGET_DIR)/release" e2e/run chaos

incident: build ## Years of usage asked for by many dashboards while chat goes on, on SQLite and PostgreSQL; writes bench/results/
	@cargo build --release --quiet --locked -p bulkhead-testkit --bins
	@INCIDENT=long BULKHEAD_BIN="$(BULKHEAD)" TESTKIT_BIN_DIR="$(CARGO_TARGET_DIR)/release" e2e/run incident -s

upgrade: build ## The version before and this one side by side on 10 M calls, forward, back and finished; writes bench/results/upgrade.md
	@cargo build --release --quiet --locked -p bulkhead-testkit --bins
	@previous=$$(e2e/upgrade/previous) && UPGRADE_WRITE=1 PREVIOUS_BIN="$$previous" \
		BULKHEAD_BIN="$(BULKHEAD)" TESTKIT_BIN_DIR="$(CARGO_TARGET_DIR)/release" e2e/run upgrade -s

bench: build ## Bulkhead beside a bare proxy; writes bench/results/
	@cargo run --release --locked --quiet -p bulkhead-bench -- run --bulkhead "$(BULKHEAD)"

bench-policy: build ## A gateway's start with 100,000 and 1,000,000 keys; writes bench/results/policy.md
	@cargo run --release --locked --quiet -p bulkhead-bench -- policy --bulkhead "$(BULKHEAD)"

bench-lists: build ## Pages of 100,000 keys, makes and changes of keys; writes bench/results/lists.md
	@cargo run --release --locked --quiet -p bulkhead-bench -- lists --bulkhead "$(BULKHEAD)"

bench-inserts: build ## The ledger's batches on PostgreSQL with 0 to 10 M calls (ROWS=0,100000000); writes bench/results/inserts.md
	@cargo run --release --locked --quiet -p bulkhead-bench -- inserts --bulkhead "$(BULKHEAD)" $(if $(ROWS),--rows $(ROWS))

fuzz: ## Fuzz each parser of foreign bytes for a minute
	@scripts/fuzz

fmt: ## Format the code
	@cargo fmt --all

clean: ## Remove what was built
	@rm -rf ui/out ui/.next ui/node_modules "$(CARGO_TARGET_DIR)"
