# Each target does all the set-up it needs on a machine that has Python 3.11 or newer and git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

# Python keeps what it compiled: each process that a test starts would compile all of it once more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup train test test-quick test-slow test-seeds test-everywhere fuzz lint format stubs bench docs clean

help:
	@echo "make train      train PPO on CartPole, evaluate it, write a video"
	@echo "make test       all tests but the slow ones      make test-slow  those that learn real tasks: hours"
	@echo "make test-quick within a minute: the core alone; no agents, environments, commands or benchmarks"
	@echo "make test-seeds     the tests that learn, with twenty seeds each; prints which seeds fail"
	@echo "make test-everywhere  all tests, as on other processors, with other threads, on a busy machine"
	@echo "make fuzz       ten thousand damaged and crafted files, which may give nothing but an error in one line"
	@echo "make lint       ruff and mypy                    make format     ruff, fixing what it can"
	@echo "make stubs      write the types that editors and mypy see, once a setting of an algorithm has changed"
	@echo "make bench      speed beside Stable-Baselines3   make docs       the site, in build/site; broken links fail"
	@echo "make clean      remove the environment and caches"

setup: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,box2d,bench,minari,tune,web]"
	touch $(READY)

train: $(READY)
	$(BIN)/gymnast train ppo CartPole-v1 --out runs/cartpole-$(shell date +%Y%m%d-%H%M%S)
	@run=$$(ls -dt runs/cartpole-* | head -n 1) && \
	$(BIN)/gymnast evaluate $$run && \
	$(BIN)/gymnast render $$run --video $$run/videos/policy.mp4 && \
	echo "the run, its metrics, checkpoints and video are in $$run"

test: $(READY)
	$(PYTEST) -m "not slow"

test-quick: $(READY)
	$(PYTEST) -m "not slow and not learns" tests/core tests/test_architecture.py

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

test-seeds: $(READY)
	$(BIN)/python tests/twenty_seeds.py

test-everywhere: $(READY)
	$(BIN)/python tests/everywhere.py

fuzz: $(READY)
	$(BIN)/python tests/fuzz.py 10000

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	$(BIN)/python docs/fields.py
	$(BIN)/python -m mkdocs build --strict --quiet

stubs: $(READY)
	$(BIN)/python tests/stubs.py

bench: $(READY)
	$(BIN)/gymnast bench ppo

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
