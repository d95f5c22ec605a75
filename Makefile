# Everything a person or CI runs. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt conformance bench dist fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a control plane, a gateway, a deployment and a rollback, on one screen
	@scripts/demo.sh

test: ## install what is missing, then every check and every test
	@scripts/test.sh

lint: ## the checks without the tests
	@scripts/test.sh lint

fmt: ## format the code
	@cargo fmt --all

conformance: ## schemathesis and openapi-core against the gateway and the control plane; writes docs/reference/conformance.md
	@scripts/conformance.sh

bench: ## the gateway against its peers, the control plane full of rows; writes docs/reference/benchmarks.md
	@scripts/bench.sh

dist: ## static release binaries, into dist/
	@scripts/dist.sh

fuzz: ## fuzz what reads artifacts and requests for FUZZ_SECONDS (default 60); needs a nightly toolchain
	@scripts/fuzz.sh
