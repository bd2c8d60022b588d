# Each command installs what it needs, once per machine, into
# ${XDG_CACHE_HOME:-~/.cache}/keywright. The scripts in dev/ do the work.

.DEFAULT_GOAL := help
.PHONY: help dev test tauri spin build check bench openapi fmt clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 8
	@echo
	@echo 'Variables: HOST (build), BENCH (bench: its options, for example --rounds=3),'
	@echo '  PORT (dev: 8787, spin: 3000), and any configuration name, for example'
	@echo '  make dev PORT=9000 BTCPAY_URL=https://btcpay.example BTCPAY_API_KEY=...'

dev: ## run every function locally, seeded with a demo, on http://127.0.0.1:8787
	@dev/dev.sh

test: ## build for both hosts and run all tests
	@dev/test.sh

tauri: ## test our feed with Tauri's own updater (needs libwebkit2gtk-4.1-dev)
	@dev/tauri.sh

spin: ## run every function under Spin (needs the spin command)
	@dev/spin.sh

build: ## build the release for both hosts and the command line, or for HOST=workers or spin
	@dev/build.sh $(or $(HOST),all) --release --sizes

bench: ## measure validations and downloads beside native servers (about 20 min)
	@dev/bench.sh $(BENCH)

check: ## check formatting and lints, native and for both hosts
	@dev/check.sh

openapi: ## write docs/openapi.json from the handlers' types
	@dev/openapi.sh

fmt: ## format the Rust code
	@cargo fmt --all

clean: ## remove the builds of this checkout (installed tools and the state in .dev stay)
	@dev/clean.sh
