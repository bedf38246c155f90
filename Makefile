# make compare: the main command.   make test: all tests.   make quick: the tests that take less than a minute together.
# make check: ruff, mypy and the site.   make stress: faults and hostile input for TIME seconds (docs/guarantees.md).
# make docs: run the commands in docs/commands and docs/tutorials again.   make golden: compare all figures with another checkout.
# make docs-site: the documentation as a site, in build/site.   make notebooks: run the notebooks again.
# make bench-lstm, bench-markov, bench-mixture, bench-sampling, bench-constraints: the measurements in benchmarks/ (the first takes hours).
# The first run creates .venv: for `make compare` with what genbench needs, for the others with the development tools.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TIME ?= 600
export OMP_NUM_THREADS ?= 1

.PHONY: compare test quick stress check bench-lstm bench-markov bench-mixture bench-sampling bench-constraints golden docs docs-site notebooks clean

compare: $(VENV)/installed
	$(BIN)/genbench compare $(ARGS)

test: $(VENV)/development
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=20 $(ARGS)

quick: $(VENV)/development
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not stress" $(ARGS)

stress: $(VENV)/development
	GENBENCH_STRESS_SECONDS=$(TIME) $(BIN)/python -m pytest -m stress $(ARGS)

check: $(VENV)/development docs-site
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

bench-sampling: $(VENV)/installed
	$(BIN)/python benchmarks/sampling.py $(ARGS)

bench-constraints: $(VENV)/installed
	$(BIN)/python benchmarks/constraints.py $(ARGS)

$(VENV)/installed: pyproject.toml constraints.txt
	@echo "Installing genbench and what it needs into $(VENV): about 1.2 GB, most of it PyTorch (more where pip has no CPU build)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/development: $(VENV)/installed
	@echo "Installing the development tools into $(VENV): pytest, mypy, ruff, Ray, Optuna, gensim and selenium, about 0.6 GB"
	$(PIP) -e ".[dev]"
	touch $@

golden: $(VENV)/installed
	$(BIN)/python benchmarks/golden.py $(ARGS)

docs: $(VENV)/development
	$(BIN)/python docs/build.py $(ARGS)

docs-site: $(VENV)/development
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs/site -d build/site-cache . build/site

notebooks: $(VENV)/development
	$(BIN)/python docs/notebooks.py

clean:
	rm -rf $(VENV) build *.egg-info
