# hwsv: `make demo` and `make test` do everything on a fresh machine; the rest is in `make help`.
SHELL := /bin/bash
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HWSV   := $(BIN)/hwsv

BOARD  ?= ulx3s-25f
MODEL  ?= training/zoo/nano.onnx
DESIGN ?= build/$(basename $(notdir $(MODEL)))
RECIPE ?= training/recipes/nano.yaml
FPS    ?= 30
SOAK   ?= 1000
FUZZ_SECONDS ?= 60
# Folder with audio/ and lists/ (see README, "Speech"); needed by train and by the corpus part of bench.
CORPUS ?=
# Another index for torch's CPU build (see README); empty: what pip is configured with.
TORCH_INDEX ?=

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test train compile sim verify bitstream bitstream-test bringup check-port bench soak fuzz wheel lint format check-tools setup setup-train setup-bitstream clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: setup compile ## compile the shipped nano, run two voices through every level (WAV="a.wav b.wav" for yours)
	$(HWSV) demo $(DESIGN) $(WAV)

test: setup-train ## the whole test suite
	$(BIN)/python -m pytest -n 2

train: setup-train ## train RECIPE on CORPUS (float twin, then the binary network)
	@test -n "$(CORPUS)" || { echo "make train: give CORPUS=folder (README, 'Speech')"; exit 2; }
	$(HWSV) train $(RECIPE) --root $(CORPUS)

compile: setup ## compile MODEL for BOARD at FPS into DESIGN
	$(HWSV) compile $(MODEL) --board $(BOARD) --fps $(FPS) -o $(DESIGN)

sim: compile ## exact cycles of DESIGN
	$(HWSV) simulate $(DESIGN)

verify: compile ## every level against the one before, on the bundled voices
	$(HWSV) verify $(DESIGN) --levels qonnx-raw,qonnx,golden,emulator,csim,csim-strict,csim-bounded,cycle,rtl

bitstream-test: setup-train ## a small network to bitstreams, for Gowin as well (minutes)
	HWSV_BITSTREAM=1 $(BIN)/python -m pytest tests/flows/test_bitstream.py

# A design of its own a board; compiled again only when something that it is made of has changed.
BITSTREAM := build/$(basename $(notdir $(MODEL)))-$(BOARD)
bitstream: setup-bitstream $(BITSTREAM)/design.json ## bitstream of MODEL with UART shell for BOARD, by yosys and nextpnr
	$(HWSV) build $(BITSTREAM)

$(BITSTREAM)/design.json: $(MODEL) board_configs/$(BOARD).yaml $(shell find hwsv rtl_templates -name '*.py' -o -name '*.sv*')
	$(HWSV) compile $(MODEL) --board $(BOARD) --fps $(FPS) --backend rtl -o $(BITSTREAM)

# On a board: its bitstream is built first. SIM=1 needs neither board nor bitstream.
bringup: check-port $(if $(SIM),setup,bitstream) $(BITSTREAM)/design.json ## bring up BOARD at PORT=/dev/ttyUSB0, or SIM=1: a simulated one (docs/bringup.md)
	$(HWSV) bringup --board $(BOARD) $(if $(SIM),--sim,--port $(PORT)) $(BITSTREAM)

check-port:
	@test -n "$(SIM)$(PORT)" || { echo "make bringup: give PORT=/dev/ttyUSB0 (that of the board), or SIM=1"; exit 2; }

bench: setup-train compile ## the figures of the README (CORPUS adds those on speech, SCALE=1 ResNet34's)
	$(BIN)/python -m benchmarks $(DESIGN) $(if $(CORPUS),--corpus $(CORPUS)) $(if $(SCALE),--scale build/scale)

soak: setup-train ## SOAK random networks through all levels, SOAK/3 configurations and nano in Verilator; others each time
	HWSV_SOAK=$(SOAK) $(BIN)/python -m pytest tests/properties tests/rtl/test_soak.py

fuzz: setup-train $(VENV)/.fuzz ## fuzz the model importer for FUZZ_SECONDS; findings stay in build/fuzz
	$(BIN)/python -m fuzz.seeds build/fuzz/seeds && mkdir -p build/fuzz/corpus
	$(BIN)/python -m fuzz.fuzz_import -max_total_time=$(FUZZ_SECONDS) -timeout=60 -rss_limit_mb=4096 -max_len=65536 \
	  -artifact_prefix=build/fuzz/ build/fuzz/corpus build/fuzz/seeds

lint: setup-train ## ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: setup-train
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

setup: check-tools $(VENV)/.toolchain ## the toolchain's environment (no torch)

setup-train: check-tools $(VENV)/.train ## adds torch and Brevitas

check-tools:
	@for tool in git g++ $(PYTHON); do command -v $$tool >/dev/null || \
	  { echo "'$$tool' is missing. On Debian: apt-get install git make g++ perl python3 python3-venv"; exit 2; }; done
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
	  { echo "Python 3.11 or 3.12 is needed; name it with make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv is missing. On Debian: apt-get install python3-venv"; exit 2; }

# finn-plus and hls4ml declare dependencies (torch, CUDA, TensorFlow …) and pins that nothing here uses: hence
# --no-deps, and pip's remarks on them are dropped.
QUIET_PINS := 2> >(grep -vE "^(ERROR: pip's dependency resolver|finn-plus|hls4ml) " >&2)
$(VENV)/.toolchain: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up the toolchain in $(VENV) …"
	@$(PIP) -e '.[rtl]' $(QUIET_PINS)
	@$(PIP) --no-deps finn-plus==1.6.1 hls4ml==1.3.0
	@touch $@

# The CPU build of torch is tried first: the plain name brings several GB of CUDA packages on many machines.
$(VENV)/.train: $(VENV)/.toolchain pyproject.toml
	@echo "setting up torch, Brevitas and the test tools in $(VENV) …"
	@if [ -n "$(TORCH_INDEX)" ]; then PIP_INDEX_URL=$(TORCH_INDEX) $(PIP) torch==2.13.0 $(QUIET_PINS); \
	 else $(PIP) torch==2.13.0+cpu 2>/dev/null || $(PIP) torch==2.13.0 $(QUIET_PINS); fi
	@$(PIP) -e '.[rtl,train,dev,finn,bitstream]' $(QUIET_PINS)
	@$(PIP) --no-deps mip==1.17.0 onnx-passes==0.4.1
	@touch $@

setup-bitstream: check-tools $(VENV)/.bitstream ## adds yosys, nextpnr and the packers

$(VENV)/.bitstream: $(VENV)/.toolchain pyproject.toml
	@$(PIP) -e '.[bitstream]' $(QUIET_PINS)
	@touch $@

$(VENV)/.fuzz: $(VENV)/.train
	@$(PIP) -e '.[fuzz]'
	@touch $@

wheel: setup-train ## build the wheel; it must compile MODEL in a fresh environment without torch, outside the checkout
	rm -rf build/wheel && $(BIN)/python -m build --wheel -o build/wheel . >/dev/null && rm -rf build/lib build/bdist.*
	set -e; folder=$$(mktemp -d); trap "rm -rf $$folder" EXIT; cp $(MODEL) $$folder/model.onnx; \
	  $(PYTHON) -m venv $$folder/venv; $$folder/venv/bin/pip install --quiet build/wheel/*.whl; cd $$folder; \
	  venv/bin/hwsv compile model.onnx --board $(BOARD) -o design; \
	  venv/bin/python -c "import importlib.util as u; assert u.find_spec('torch') is None"

clean: ## remove designs and the environment
	rm -rf build $(VENV)
