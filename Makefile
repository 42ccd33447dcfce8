# Everything works on a fresh machine with Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-all test-isa check bench docs dist pyz clean

demo: .venv/core.stamp  ## restore a shaken photo and say where the before/after picture is
	@$(BIN)/unblur restore examples/shaken.jpg -o demo-output/ --preview --overwrite

# A file's tests stay together, on a core of their own; four processes take 6 GB of memory.
PYTEST := $(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: .venv/dev.stamp  ## run the tests of everything, in minutes
	$(PYTEST) -m "not thorough and not benchmark"

test-all: .venv/dev.stamp  ## also those that take minutes each: Chromium, several machines
	$(PYTEST) -m "not benchmark"

test-benchmarks: .venv/dev.stamp  ## every benchmark for a minute at most, one after the other
	$(BIN)/pytest -m benchmark tests/test_benchmarks.py

test-isa: .venv/dev.stamp  ## tests that compare numbers, as processors with fewer instructions run them
	$(BIN)/python tests/instruction_sets.py

check: .venv/dev.stamp docs  ## style, types, layers, spelling, size of files and folders, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tests/tree_size.py

bench: .venv/dev.stamp  ## quality on held-out photos, speed and memory; prints tables
	@# What a processor lacks is left out, and each says so; each has --quick, of at most a minute.
	$(BIN)/python benchmarks/held_out.py
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/restore.py
	$(BIN)/python benchmarks/tiles.py
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/scale.py --photos 200 --memory 0 --faults 200 --store 50
	$(BIN)/python benchmarks/methods.py --kernels 3
	$(BIN)/python benchmarks/diagnose.py
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/protocols.py
	$(BIN)/python benchmarks/registration.py
	$(BIN)/python benchmarks/reference.py
	$(BIN)/python benchmarks/singan.py --cost
	$(BIN)/python benchmarks/synthesis.py
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/overfit.py

docs: .venv/docs.stamp  ## the documentation as web pages; a warning is an error
	@rm -rf docs/_build  # what an earlier build has cached hides broken links
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

dist: .venv/bin/python  ## wheel and source archive, built twice: an error unless both are the same
	@$(PIP) build hatchling
	$(BIN)/python packaging/reproducible.py --out dist

pyz: .venv/bin/python  ## dist/unblur.pyz: unblur and all it needs in one file, for this Python
	@$(PIP) shiv
	@mkdir -p dist
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	  PIP_CONSTRAINT=constraints.txt $(BIN)/shiv --quiet --compressed --reproducible \
	  --entry-point unblur.cli:main --python '/usr/bin/env python3' --output-file dist/unblur.pyz .

clean:
	rm -rf .venv demo-output dist docs/_build

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "unblur needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/core.stamp: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing unblur into .venv (about a minute the first time)"
	@$(PIP) -e .
	@touch $@

.venv/dev.stamp: .venv/core.stamp
	@echo "Installing what tests and training need into .venv (a few minutes the first time)"
	@$(PIP) -e '.[openvino,train,video,heif,raw,reference,web,scale,dev]'
	@touch $@

.venv/docs.stamp: .venv/core.stamp
	@echo "Installing what the documentation needs into .venv"
	@$(PIP) -e '.[docs]'
	@touch $@
