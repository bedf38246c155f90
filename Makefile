# make compare: the main job. make test: the whole test suite. make quick: the part under a minute. make check: the
# strict tools. make stress: faults and hostile input for TIME seconds (600): docs/promises.md. make docs: the console
# blocks of docs/commands anew. make bench-lstm, bench-markov: networks and chains beside their peers (the first takes
# hours); bench-mixture: both together; bench-drawing: how fast they write. All make .venv first, if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TIME ?= 600
export OMP_NUM_THREADS ?= 1

.PHONY: compare test quick stress check bench-lstm bench-markov bench-mixture bench-drawing docs clean

compare: $(VENV)/installed
	$(BIN)/genbench compare $(ARGS)

test: $(VENV)/installed
	$(BIN)/python -m pytest -n auto $(ARGS)

quick: $(VENV)/installed
	$(BIN)/python -m pytest -n auto -m "not slow and not stress" $(ARGS)

stress: $(VENV)/installed
	GENBENCH_STRESS_SECONDS=$(TIME) $(BIN)/python -m pytest -m stress $(ARGS)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/typed && ln -sfn ../../plugins build/typed/genbench_plugins
	MYPYPATH=build/typed $(BIN)/mypy -p genbench -p genbench_plugins
	MYPYPATH=. $(BIN)/mypy examples/plugins/*/*.py

bench-lstm: $(VENV)/installed
	$(BIN)/python benchmarks/lstm.py $(ARGS)

bench-mixture: $(VENV)/installed
	$(BIN)/python benchmarks/mixture.py $(ARGS)

bench-markov: $(VENV)/installed
	$(BIN)/python benchmarks/markov.py $(ARGS)
	$(BIN)/python benchmarks/scale.py

bench-drawing: $(VENV)/installed
	$(BIN)/python benchmarks/drawing.py $(ARGS)

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

docs: $(VENV)/installed
	$(BIN)/python docs/build.py $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info
