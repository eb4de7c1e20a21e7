# Everything runs in .venv, made from constraints.txt on first use; no root, no network but pip's.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Sums must not depend on the number of cores, and two test processes must not fight for them.
export OMP_NUM_THREADS ?= 1
# ALL=1 adds the slow tier.
TIER := -m "not corpus$(if $(ALL),, and not slow)"
# TORCH=cpu takes PyTorch's build without CUDA, which its own index has under the same version.
CPU := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)
# What to say where pip fails; its own words are quiet about the reason, which its log has.
define NOT_INSTALLED
echo; echo "make setup: pip did not install the releases that constraints.txt pins."; \
echo "Expected: Python 3.11, 3.12, 3.13 or 3.14, a package index that pip reaches, $(if $(CPU),2,6) GB of free disk."; \
echo "Found: $$($(BIN)/python --version) on $$(uname -sm), $$(df -Ph . | awk 'NR == 2 {print $$4}') free."; \
sed -n 's/^[^ ]* *//; /^The conflict is caused by/,/^To fix this/ {/^To fix/d; p}' $(VENV)/pip.log; \
echo "What to do: where pip speaks of a network or of disk, repair that. Where it names a pin, take another Python:"; \
echo "    make clean; make setup PYTHON=python3.12"; \
echo "or resolve the pins again with make constraints. Every word of pip is in $(VENV)/pip.log."; \
exit 1
endef
# A test that hangs says where, and ends the run.
HANGS := -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

.PHONY: help setup grade corpus rubric mutants test lint release image syscalls constraints notebook numbers study bench clean

help:
	@echo "make grade     set everything up and grade the sample class"
	@echo "make corpus    grade every hostile, broken and unlucky notebook of tests/assignments/early_exit/submissions/"
	@echo "make test      run the tests (ALL=1: the slow ones too)"
	@echo "make rubric    grade the catalogue of right and wrong answers and say how often the grader is wrong"
	@echo "make mutants   change the solutions in one place each and say which changes the checks do not see"
	@echo "make release   make assignment/ and the student bundle in dist/ from solutions/"
	@echo "make notebook  run the solutions notebook at 'quick' and keep its outputs"
	@echo "make lint      ruff, mypy, import-linter"
	@echo "make numbers   what early exit buys: tables and pictures, from autograder/assignments/early_exit/experiments/results/study/"
	@echo "make study     train and measure all that these are made of: three hours on two cores, and Fashion-MNIST;"
	@echo "               on an NVIDIA GPU if there is one, and then longer trainings at full width too"
	@echo "make bench     what grading costs here, next to nbgrader and otter (CLASS=30 OTHERS=3 ROUNDS=3: as published)"
	@echo "make syscalls  make the box's list of system calls again, from moby's profile (MOBY=default.json)"
	@echo "make image     an image for Docker with everything that grading needs: 2 GB, some minutes"
	@echo "make constraints  resolve constraints.txt again after a change of pyproject.toml (UPGRADE=1: newest releases)"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@echo "== Making the environment in $(VENV): $(if $(CPU),under 2,6) GB of disk, some minutes"
	@$(if $(CPU),,echo "   A machine without an NVIDIA GPU can do with 2 GB: stop this, then make setup TORCH=cpu")
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Give another with make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/pip.log
	@$(BIN)/python -m pip install --quiet --progress-bar off --disable-pip-version-check --log $(VENV)/pip.log -c constraints.txt \
		$(CPU) -e '.[grading,dev]' || { $(NOT_INSTALLED); } >&2
	@rm -f $(VENV)/pip.log
	@touch $(READY)

grade: $(READY)
	@echo "== Building the sample class from tests/assignments/early_exit/submissions/"
	@rm -rf grading/sample/handed_in
	@$(BIN)/python tests/support/sample_class.py build grading/sample/handed_in
	@echo "== Grading it, each notebook in a box of its own"
	@$(BIN)/autograder grade grading/sample/handed_in --workspace grading/sample
	@echo "== Comparing with what tests/assignments/early_exit/submissions/*/case.toml expects"
	@$(BIN)/python tests/support/sample_class.py compare grading/sample
	@echo "Done. Open grading/sample/early_exit/report/index.html to read the grades."

rubric: $(READY)
	@echo "== Grading the catalogue of right and wrong answers, in boxes: five minutes on two cores"
	@$(BIN)/python tests/support/rubric.py

mutants: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	@echo "== Grading every mutant of the solutions, in boxes: five minutes on two cores"
	@$(BIN)/python tests/support/mutants.py

corpus: $(READY)
	@echo "== Building every case of tests/assignments/early_exit/submissions/, the hostile ones too"
	@rm -rf grading/corpus
	@$(BIN)/python tests/support/sample_class.py build --all grading/corpus/handed_in
	@echo "== Grading them, each in a box of its own: about half an hour on two cores"
	@$(BIN)/autograder grade grading/corpus/handed_in --workspace grading/corpus
	@$(BIN)/python tests/support/sample_class.py compare --all grading/corpus

test: $(READY)
	@echo "== Running the tests$(if $(ALL),, (quick tier; ALL=1 runs everything))"
	@$(BIN)/python -m pytest $(TIER) $(HANGS) --durations=10 --durations-min=1
	@echo "Done. 'passed' above means the grader, its box and the lesson work on this machine."

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

release: $(READY)
	@$(BIN)/autograder release

syscalls: $(READY)
	@test -n "$(MOBY)" || { echo "Give moby's default seccomp profile: make syscalls MOBY=default.json"; exit 2; }
	@$(BIN)/python -m autograder.box.syscall_list $(MOBY)

notebook: $(READY)
	@echo "== Running the solutions notebook at 'quick': some minutes on two cores"
	@env -u OMP_NUM_THREADS COURSE_PROFILE=quick $(BIN)/jupyter nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False solutions/early_exit/early_exit.ipynb
	@$(BIN)/jupyter nbconvert --to notebook --inplace --coalesce-streams --log-level=WARN \
		solutions/early_exit/early_exit.ipynb  # a progress bar leaves its last state, not all of them

STUDY := PYTHONPATH=autograder/assignments/early_exit/experiments $(BIN)/python -m study

numbers: $(READY)
	@$(STUDY) page

study: $(READY)
	@$(STUDY) train small
	@$(STUDY) train full
	@$(STUDY) train wide
	@$(STUDY) replay
	@$(STUDY) export
	@$(STUDY) measure
	@$(STUDY) page

bench: $(READY)
	@$(BIN)/python tests/bench/bench_grading.py --class $(or $(CLASS),6) --others $(or $(OTHERS),2) \
		--rounds $(or $(ROUNDS),1)

# One resolution for every Python from 3.11.0 on and every platform; pins that still serve are kept.
# uv is installed without the pins, because they may be what is broken.
constraints:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@cp constraints.txt $(VENV)/pins.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras $(if $(UPGRADE),--upgrade) \
		--no-header --no-annotate --output-file $(VENV)/pins.txt pyproject.toml
	@{ grep '^#' constraints.txt; grep -Ev '^(cuda|nvidia)-|^triton=' $(VENV)/pins.txt; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

IMAGE ?= early-exit-grader

image:
	@docker info > /dev/null 2>&1 || { echo "make image: no Docker daemon answers here. Start it, or build on a machine that has one."; exit 1; }
	@docker build --tag $(IMAGE) .
	@echo "Done. autograder/box/README.md, 'In a container', says how to grade with it."

clean:
	rm -rf $(VENV) dist
