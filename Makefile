# The commands that people and CI call. Set-up needs Python, pip and make; nothing else.
PYTHON ?= python3
ENGINE ?= jax
# Each process takes a stretch of the list, in order: what a file prepares is prepared once.
PARALLEL ?= -n auto --maxprocesses 4 --dist worksteal
ENGINE_TESTS := $(addprefix tests/,families test_layers.py test_losses.py test_engines.py \
	$(addprefix members/test_,architecture.py batches.py ensemble.py keras_fit.py layers.py loop.py loss.py optimizer.py steps.py validation.py))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-all test-engine test-skore bench-quick docs check format clean

help:  ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | awk -F: '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: .venv/demo.stamp  ## Train on the bundled air quality data and show what comes out
	.venv/bin/covey demo

test: .venv/test.stamp  ## Run the tests but the slow ones, on jax
	.venv/bin/pytest $(PARALLEL)

test-all: .venv/test.stamp  ## Run all tests, the slow ones too, on code that is compiled as well as it can be
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 XLA_FLAGS= .venv/bin/pytest $(PARALLEL) -m "slow or not slow"

test-engine: .venv-$(ENGINE)/test.stamp  ## Run what touches Keras with ENGINE=tensorflow (or torch, jax) alone
	KERAS_BACKEND=$(ENGINE) .venv-$(ENGINE)/bin/pytest $(PARALLEL) $(ENGINE_TESTS)

test-skore: .venv-skore/skore.stamp  ## Evaluate a regressor with skore, in an environment of its own
	.venv-skore/bin/pytest tests/integration

bench-quick: .venv/test.stamp  ## Run the benchmarks in a tiny form, in about a minute
	.venv/bin/python -m benchmarks.quality run --quick
	.venv/bin/python -m benchmarks.speed run --quick

docs: .venv/docs.stamp  ## Build the site into build/docs: every block runs, broken links are errors
	.venv/bin/python -m docs.site

check: .venv/check.stamp  ## Check format, lint, types and floors
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest -q tests/test_floors.py

format: .venv/check.stamp  ## Format the code and fix what can be fixed
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean:  ## Remove the virtual environments and all caches
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp per set of extras: installed once, and again when what is required changes.
.venv/demo.stamp: EXTRAS := jax,report
.venv/test.stamp: EXTRAS := jax,test
.venv/check.stamp: EXTRAS := check,test
.venv/docs.stamp: EXTRAS := jax,test,docs
.venv/%.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install -q -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

.venv-%/test.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install -q -c constraints.txt -e '.[$*,test]'
	@touch $@

.venv-skore/skore.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-skore
	.venv-skore/bin/pip install -q -c constraints.txt -e '.[jax,test]' skore==0.28.0
	@touch $@
