# Everything runs in .venv; a target sets up what it needs and is quick the second time.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
CODE := app sweepfront trial_code tests benchmarks
LOCK := $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --extra trials --extra postgres

export MLFLOW_DISABLE_TELEMETRY := true
# Every process of a test would compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo run test test-slow check chaos bench bench-tracker bench-samplers bench-dashboard bench-api screenshots lock clean image azure-emulator azure-demo test-azure-live faults-database faults-azure load

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.installed ## set up what the service and its trials need, in .venv

demo: install ## serve, run the first sweep, register its best model, go on serving
	@$(BIN)/python -m app demo

run: install ## serve on 127.0.0.1:8000 until Ctrl-C
	@$(BIN)/python -m app serve

test: .venv/.developed .venv/.azurite .venv/.browser .venv/.promtool ## run the test suite, some minutes
	@echo "== tests"
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: .venv/.developed .venv/.azurite .venv/.browser .venv/.buildah ## run the long tests: the whole grid, chaos
	@echo "== slow tests"
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m slow --timeout 1800

chaos: .venv/.developed ## kill a working service at 200 drawn moments (POINTS=, SEED=, DATABASE=postgresql)
	@$(BIN)/python -m tests.chaos --points $(or $(POINTS),200) --seed $(or $(SEED),1) --database $(or $(DATABASE),sqlite)

faults-database: .venv/.developed ## PostgreSQL stopped, cut off and read-only under load (ROUNDS=, SEED=)
	@$(BIN)/python -m tests.faults.database --rounds $(or $(ROUNDS),18) --seed $(or $(SEED),1)

faults-azure: .venv/.developed .venv/.azurite ## an Azure that misbehaves for ten minutes (MINUTES=, SEED=, OUTAGE=yes)
	@$(BIN)/python -m tests.faults.azure --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1) $(if $(OUTAGE),--outage --sweeps 12)

load: .venv/.developed ## 50 submissions/s for two minutes beside 200 readers (RATE=, FOR=, DATABASE=)
	@$(BIN)/python -m tests.faults.load --rate $(or $(RATE),50) --seconds $(or $(FOR),120) --database $(or $(DATABASE),sqlite)

check: .venv/.developed ## format, lint, types, security, secrets, floors and sizes
	@echo "== format, lint, types, security, secrets, floors"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/bandit -q -c pyproject.toml -r app sweepfront trial_code
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --no-verify --baseline .secrets.baseline
	@$(BIN)/python -m pytest -q -s tests/unit/house

image: .venv/.developed .venv/.buildah ## build the image without a container engine, and run a sweep from it
	@$(BIN)/python -m pytest -q -s tests/image --timeout 1800

bench: .venv/.developed ## time the engine beside the bare fits
	@$(BIN)/python -m benchmarks.engine

bench-tracker: .venv/.developed .venv/.azurite ## time the tracker on 500 sweeps of an emulated Azure ML
	@$(BIN)/python -m benchmarks.tracker

bench-samplers: .venv/.developed ## hold the samplers against those of peers that are installed
	@$(BIN)/python -m benchmarks.samplers

azure-emulator: .venv/.developed .venv/.azurite ## run an emulated Azure ML on https://localhost:8443
	@$(BIN)/python -m tests.azure_emulator

azure-demo: .venv/.developed .venv/.azurite ## run the first sweep through Azure's SDK to final_model
	@$(BIN)/python -m tests.azure_emulator.demo

test-azure-live: .venv/.developed ## the contract suite on the workspace of your settings
	@$(BIN)/python -m pytest tests/contract/backends --azure-live -k azureml --timeout 7200

screenshots: .venv/.developed .venv/.browser ## take the pictures of docs/images anew
	@$(BIN)/python -m tests.browser.screenshots

bench-dashboard: .venv/.developed .venv/.browser ## time the page and its data on many records
	@$(BIN)/python -m benchmarks.dashboard

bench-api: .venv/.developed .venv/.azurite ## time requests on 100,000 sweeps and 1,000,000 trials
	@$(BIN)/python -m benchmarks.api

lock: $(UV) ## pin the dependencies anew
	$(LOCK) --upgrade --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --upgrade -c requirements-dev.lock pyproject.toml -o requirements.lock

clean: ## remove .venv, caches and what tests left; the data folder stays
	rm -rf .venv test-artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sweepfront needs Python 3.11 or later; name one with: make PYTHON=python3.12")'
	@echo "== making .venv"
	@$(PYTHON) -m venv --clear --without-pip .venv
	@$(PYTHON) -m pip --python $(BIN)/python install -q --disable-pip-version-check "uv>=0.13,<0.14"

.venv/.installed: $(UV) requirements.lock pyproject.toml
	@echo "== installing the pinned dependencies"
	@$(UV) pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.developed: $(UV) requirements-dev.lock pyproject.toml
	@echo "== installing the pinned dependencies, those of development too"
	@$(UV) pip sync -q --python $(BIN)/python --compile-bytecode --require-hashes requirements-dev.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@ .venv/.installed

.venv/.azurite: .venv/.developed tests/azure_emulator/package-lock.json
	@echo "== installing azurite, the blob store of the emulated Azure"
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund --prefix tests/azure_emulator
	@touch $@

.venv/.browser: .venv/.developed tests/browser/chromium.py
	@echo "== looking for a browser"
	@$(BIN)/python -m tests.browser.chromium
	@touch $@

.venv/.promtool: .venv/.developed tests/monitoring/promtool.py
	@echo "== looking for promtool"
	@$(BIN)/python -m tests.monitoring.promtool
	@touch $@

.venv/.buildah: .venv/.developed tests/image/tools.py
	@echo "== looking for what builds the image"
	@$(BIN)/python -m tests.image.tools
	@touch $@
