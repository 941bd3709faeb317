# The commands that people and CI call. Set-up needs Python, pip and make; nothing else.
PYTHON ?= python3
ENGINE ?= jax
GUEST ?= mlflow
# Each process takes a stretch of the list, in order: what a file prepares is prepared once.
PARALLEL ?= -n auto --maxprocesses 4 --dist worksteal
# What is installed is compiled to bytecode when it is first imported: most of it never is.
PIP := install -q --no-compile
ENGINE_TESTS := $(addprefix tests/,families test_layers.py test_losses.py test_engines.py \
	$(addprefix members/test_,architecture.py batches.py ensemble.py keras_fit.py layers.py loop.py loss.py optimizer.py steps.py validation.py))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-all test-engine test-skore test-ray test-guest notebook bench-quick docs wheel test-wheel test-lowest test-extras check format clean

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
	.venv-skore/bin/pytest tests/integration/test_skore.py

test-ray: .venv-ray/ray.stamp  ## Score with Ray on two workers, in an environment of its own
	.venv-ray/bin/pytest tests/integration/test_ray.py

test-guest: .venv-guest-$(GUEST)/guest.stamp  ## Run the page about another package, such as GUEST=mlflow, in an environment of its own
	GUEST=$(GUEST) .venv-guest-$(GUEST)/bin/pytest tests/integration/test_guests.py -rs

notebook: .venv/notebook.stamp  ## Run the tutorial and write it as a notebook
	.venv/bin/python -m tests.notebook

bench-quick: .venv/test.stamp  ## Run the benchmarks in a tiny form, in about a minute
	.venv/bin/python -m benchmarks.quality run --quick
	.venv/bin/python -m benchmarks.speed run --quick

docs: .venv/docs.stamp  ## Build the site into build/docs: every block runs, broken links are errors
	.venv/bin/python -m docs.site

wheel: .venv-build/build.stamp  ## Build wheel and sdist into dist/
	rm -rf dist
	.venv-build/bin/python -m build --no-isolation --outdir dist .

test-wheel: wheel  ## Install the wheel outside the tree and run the tests, or TESTS=tests/archive, on it
	$(PYTHON) -m tests.release wheel $(TESTS)

test-lowest: wheel  ## The same with the lowest versions of constraints-lowest.txt; some tests, or TESTS=...
	$(PYTHON) -m tests.release lowest $(TESTS)

test-extras: wheel  ## Install each extra, or ONLY="plot report", alone and try what it is for
	$(PYTHON) -m tests.release extras $(ONLY)

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
.venv/notebook.stamp: EXTRAS := jax,test,notebook
.venv/demo.stamp: EXTRAS := jax,report
.venv/test.stamp: EXTRAS := jax,test
.venv/check.stamp: EXTRAS := check,test
.venv/docs.stamp: EXTRAS := jax,test,docs
# all that .ci/run needs, in one installation
.venv/ci.stamp: EXTRAS := jax,test,check,docs
.venv/ci.stamp: ALSO := test check docs
.venv/%.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip $(PIP) -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@ $(addprefix .venv/,$(addsuffix .stamp,$(ALSO)))

.venv-build/build.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-build
	.venv-build/bin/pip $(PIP) -c constraints.txt build hatchling
	@touch $@

.venv-%/test.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip $(PIP) -c constraints.txt -e '.[$*,test]'
	@touch $@

.venv-skore/skore.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-skore
	.venv-skore/bin/pip $(PIP) -c constraints.txt -e '.[jax,test]' skore==0.28.0
	@touch $@

.venv-ray/ray.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-ray
	.venv-ray/bin/pip $(PIP) -c constraints.txt -e '.[jax,test,ray]' psutil==7.2.2
	@touch $@

# Guests ask for older versions of this or that than Covey is tested with, so constraints do not hold here.
.venv-guest-mlflow/guest.stamp: WITH := .[jax,test] mlflow==3.17.2
.venv-guest-shap/guest.stamp: WITH := .[jax,test] shap==0.51.0
.venv-guest-optuna/guest.stamp: WITH := .[jax,test] optuna==5.0.0
.venv-guest-ngboost/guest.stamp: WITH := .[jax,test] ngboost==0.6.0
.venv-guest-mapie/guest.stamp: WITH := .[jax,test] mapie==1.6.0
.venv-guest-torch/guest.stamp: WITH := .[torch,test]
.venv-guest-keras-mdn-layer/guest.stamp: WITH := .[tensorflow,test] keras-mdn-layer==1.0.0
.venv-guest-tfp/guest.stamp: WITH := .[tensorflow,test] tensorflow-probability==0.25.0 tf_keras
.venv-guest-%/guest.stamp: pyproject.toml
	$(PYTHON) -m venv .venv-guest-$*
	.venv-guest-$*/bin/pip $(PIP) $(addprefix -e ,$(firstword $(WITH))) $(wordlist 2,9,$(WITH))
	@touch $@
