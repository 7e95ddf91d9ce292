# Two commands matter: `make run` sets everything up and answers calls; `make test` sets up and passes.
# Both may be repeated at will; a step that is done is not done again.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PROFILE ?= small-cpu
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help run test quick lint models peers setup clean

help:
	@echo "make run    set up and answer calls      make test   set up and run all tests"
	@echo "make quick  tests without models, peers  make lint   ruff, mypy, import contracts"
	@echo "make models fetch the weights            make clean  remove .venv and var (weights stay)"

run: $(VENV)/.installed
	@$(BIN)/voicebot models pull --profile $(PROFILE)
	@exec $(BIN)/voicebot serve

setup: $(VENV)/.installed

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || tools/install-debian-packages python3-venv python3-dev
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.created
	$(BIN)/python -m pip install --quiet --progress-bar on -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --progress-bar on -e '.[test]'
	@touch $@

models: $(VENV)/.installed
	@$(BIN)/voicebot models pull --profile $(PROFILE)

# Real peers for tests. Where they cannot be installed their tests are skipped with a reason; CI insists.
peers:
	@tools/install-debian-packages --if-possible baresip sip-tester postgresql iproute2 chromium

test: $(VENV)/.installed-test models peers
	$(BIN)/python -m pytest -n 2 -m "not interop and not models" $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m "interop or models" $(PYTEST_ARGS)

quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 -m "not interop and not models" $(PYTEST_ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) var
