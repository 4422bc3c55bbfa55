# Every target makes its own set-up, in .venv, and then calls `diffusion-course`; the second time that is quick.
#
#   make run     execute every chapter in the quick profile, build the book      PROFILE=standard for the real thing
#   make lab     the course in JupyterLab
#   make studio  type a sentence, watch it become a picture: a page on this machine
#   make test    prove that everything works
#   make test-all  also what takes long and seldom changes: cards, untrained values, all presets, benchmarks
#   make book    build the book from the notebooks as they are
#   make bench   run benchmarks/*.py
#   make lint    check style of code and notebooks
#   make weights train the shipped weights again
#   make clean   remove what runs have made
#
# GPU=1       also install NVIDIA's libraries (Linux)
# PYTHON=...  the Python, 3.10 to 3.13, that makes .venv; otherwise the first that works is taken

PROFILE = quick
ROOT := $(shell pwd)
PY := .venv/bin/python
COURSE := $(PY) -m diffusion_course.cli
STAMP := .venv/.installed
GPU_STAMP := .venv/.installed-gpu
SETUP := $(STAMP)
ifeq ($(GPU),1)
SETUP := $(GPU_STAMP)
endif

# The user's own variables must not send packages elsewhere, nor change what Python itself does. What says where packages
# come from (an index, a proxy, certificates) stays. `0`, because a pip.conf may say the same, and this has the last word.
# `diffusion-course doctor` names what it finds of these.
unexport PYTHONHOME PYTHONPATH PYTHONOPTIMIZE PYTHONWARNINGS PYTHONPLATLIBDIR __PYVENV_LAUNCHER__
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_REQUIRE_HASHES PIP_CONSTRAINT PIP_NO_BINARY
unexport PIP_PLATFORM PIP_PYTHON_VERSION
unexport UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE_NEWER UV_REQUIRE_HASHES
unexport UV_NO_BINARY
export PIP_USER := 0
export PIP_REQUIRE_VIRTUALENV := 0
export PIP_DRY_RUN := 0

# A virtual environment holds absolute paths: one that was made elsewhere and moved here is made again. One that
# somebody made by hand has no stamp; if it works it is kept, and only gets the packages.
INSTALLED_IN := $(shell cat $(STAMP) 2>/dev/null)
MOVED :=
ifneq ($(INSTALLED_IN),)
ifneq ($(INSTALLED_IN),$(ROOT))
MOVED := yes
.PHONY: $(STAMP)
endif
endif

.PHONY: help setup run lab studio test test-all book bench lint weights clean

help:
	@sed -n '3,16s/^# \{0,1\}//p' Makefile

setup: $(SETUP)

run: $(SETUP)
	@$(COURSE) run --profile $(PROFILE)

# A learner's laptop runs `standard`, also where COURSE_PROFILE is not set.
lab: $(SETUP)
	@$(COURSE) lab

studio: $(SETUP)
	@$(COURSE) studio

test: $(SETUP)
	@$(COURSE) test

test-all: $(SETUP)
	@$(COURSE) test --all

book: $(SETUP)
	@$(COURSE) book

bench: $(SETUP)
	@set -e; found=no; for script in benchmarks/*.py; do \
	  if [ -f "$$script" ]; then found=yes; echo "$$script"; $(PY) "$$script"; fi; \
	done; \
	if [ $$found = no ]; then echo "There is no benchmark in benchmarks/ yet."; fi

lint: $(SETUP)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

weights: $(SETUP)
	@$(COURSE) train --all

clean:
	rm -rf build .pytest_cache .ruff_cache

# What a candidate must print to be taken: its own path, which for a launcher such as pyenv's differs from its name.
PROBE := import sys; v = sys.version_info[:2]; v < (3, 10) and sys.exit(1); v > (3, 13) and sys.exit(1); print(sys.executable)

# Whether a package is in .venv now. If not, the cause is named here; later it would be a riddle.
arrived = $(PY) -c "from importlib.util import find_spec; raise SystemExit(find_spec('$(1)') is None)" || { \
	  echo "The packages went elsewhere than into .venv. pip's configuration says (target, prefix or root?):" >&2; \
	  $(PY) -m pip config list >&2; echo "Take that out: pip config unset NAME" >&2; exit 1; }

# uv installs faster than pip, but does not read pip's configuration (an index, a proxy); then pip itself does it.
# Compiled like by pip: where Python may not write bytecode itself (containers), each start would compile TensorFlow anew.
$(STAMP): requirements.lock pyproject.toml
	@set -e; if [ -n "$(MOVED)" ] || ! $(PY) -c "$(PROBE); import pip" >/dev/null 2>&1; then \
	  python=; incomplete=; \
	  for name in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python3.10); do \
	    found=$$("$$name" -c "$(PROBE)" 2>/dev/null) || continue; \
	    if "$$found" -c "import venv, ensurepip" 2>/dev/null; then python=$$found; break; fi; \
	    incomplete=$$found; \
	  done; \
	  if [ -z "$$python" ] && [ -n "$$incomplete" ]; then \
	    echo "Python lacks its modules venv and ensurepip: $$incomplete" >&2; \
	    echo "On Debian and Ubuntu they come with: sudo apt-get install python3-venv" >&2; exit 1; \
	  elif [ -z "$$python" ]; then \
	    echo "The course needs Python 3.10 to 3.13. Tried: $(if $(PYTHON),$(PYTHON),python3 and python3.13 to python3.10)." >&2; \
	    echo "Install one of them, or name it: make run PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	  echo "Making .venv with $$python"; \
	  "$$python" -m venv --clear .venv; \
	fi
	@case "$$($(PY) -c 'import platform, sys; print(sys.platform, platform.machine())')" in \
	"darwin x86_64") \
	  echo "This Python is for Intel Macs, for which there is no TensorFlow package of the version that the course needs." >&2; \
	  echo "On a Mac with an Apple chip, name an arm64 Python: make run PYTHON=/opt/homebrew/bin/python3" >&2; exit 1;; \
	esac
	@echo "Installing the packages of requirements.lock, about 3 GB (a few minutes the first time)"
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check uv || echo "uv is not to be had; pip does the work"
	@if $(PY) -m uv --version >/dev/null 2>&1 && \
	    $(PY) -m uv --quiet --no-config pip install --compile-bytecode --python $(PY) -r requirements.lock; then :; else \
	  echo "Installing with pip, which takes longer"; \
	  $(PY) -m pip install --quiet --quiet --disable-pip-version-check -r requirements.lock; \
	fi
	@$(call arrived,keras)
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(call arrived,diffusion_course)
	@echo "$(ROOT)" > $(STAMP)

# Without a lock: NVIDIA's packages exist for Linux only. The constraint keeps TensorFlow at the tested version.
$(GPU_STAMP): $(STAMP)
	@echo "Installing NVIDIA's libraries for TensorFlow, about 3 GB"
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock --editable ".[gpu]"
	@touch $(GPU_STAMP)
