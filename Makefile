# Every command makes what it needs: a virtual environment in .venv, with the
# versions of requirements.lock and this tree installed in it (editable).

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -c requirements.lock
SOURCES = $(wildcard ext/*.pyx ext/*.pxd ext/*.pxi) setup.py

.PHONY: run test test-h11 check native bench bench-instructions proof clean
run: $(VENV)/.run
	$(BIN)/bootwave demo

test: $(VENV)/.dev native
	tools/test

# Everything that serves phones once more with http.lane = off.  What is end to end or
# a fault runs with either in "make test" already.
test-h11: $(VENV)/.dev native
	tools/test h11

check: $(VENV)/.dev native
	tools/check

# Every row of docs/performance.md beside its peers, or those named by ROW; the peers
# are in tools/bench-peers.txt.  EFFORT passes options on, such as "--rounds 2".
bench: $(VENV)/.bench native
	$(BIN)/python -m perf.bench $(EFFORT) $(ROW)

# Instructions of the native functions against perf/instructions.json.
bench-instructions: $(VENV)/.dev native
	$(BIN)/python -m perf.instructions $(EFFORT)

# The proofs that take hours, or those named by PROOF: fuzz-whole fuzz-bytewise races
# memory natives enumeration guesses resync redirection api.  EFFORT passes options on,
# such as "--short" or "--rounds 1000".
proof: $(VENV)/.dev native
	$(BIN)/python -m perf.proof $(EFFORT) $(PROOF)

native: $(VENV)/.dev $(VENV)/.native

$(VENV)/.native: $(SOURCES) | $(VENV)/.dev
	$(BIN)/python setup.py -q build_ext --inplace
	@touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/pyvenv.cfg pyproject.toml requirements.lock $(SOURCES)
	@echo "Installing Bootwave into $(VENV); the first time takes a minute ..."
	@$(PIP) -e '.[control]'
	@touch $@

$(VENV)/.dev: $(VENV)/pyvenv.cfg pyproject.toml requirements.lock
	@echo "Installing Bootwave and its tools into $(VENV); the first time takes a minute ..."
	@$(PIP) -e '.[control,dev]' 'setuptools>=80' 'cython>=3.3,<4'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) 'jinja2>=3.1,<4' || echo "Measuring without Jinja2."
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info engine/*.egg-info engine/bootwave/native/*.so
