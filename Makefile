# What one does with a checkout. Everything lands in .venv; `make clean` takes it away again.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PY := .venv/bin/python
# Programs that tests start by the hundred would each compile everything anew where the environment says to keep no bytecode.
export PYTHONDONTWRITEBYTECODE :=
STAMP := .venv/installed
SOURCES := hub devices dashboard simulators release tests
CORES := $(shell nproc 2>/dev/null || echo 2)
# Tests of parts together and of programs wait for disks and for each other: with one more than there are cores none is idle.
WORKERS := $(shell echo $$(($(CORES) + 1)))
# Every test is of one group, by where it lies; docs/testing.md says what is in each. What is in neither list is a unit test.
PARTS := tests/contract tests/devices/client tests/gate/test_replays.py tests/gate/test_revocations.py tests/gate/test_mutation.py tests/power tests/sim tests/splits tests/hub/auth/test_wrong_tries.py tests/hub/backup tests/hub/bus tests/hub/cli tests/hub/client tests/hub/core/exchange tests/hub/nodes tests/hub/redis tests/hub/rules/test_keeping.py tests/hub/state/redis tests/hub/store tests/hub/web tests/hub/workers tests/hub/orphans tests/hub/sessions/test_live.py
# Files of programs are begun in this order: a long one that begins last is waited for alone.
PROGRAMS := tests/devices/firmware tests/simulators tests/browser tests/e2e tests/fuzz tests/test_wheel.py

.PHONY: help install run lint format test unit parts programs sim split-test cluster-test cut-test flood-test crash-test power-test kill-test rot-test fuzz command-test notify-test api-test conformance-test store-test backlog-test rfc6455 gate slow-viewers-test storm-test revocation-test replay-test soak-test page-soak mutation coverage differential firmware micropython-figures bench pictures lock audit release clean

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

install: $(STAMP) ## make .venv with everything pinned in requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and not found; install it, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment; install one package: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: install ## a hub that shows this machine's sensors; prints a link to its dashboard
	.venv/bin/tributary demo

lint: install ## format, style and types
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m mypy
	@if command -v tsc >/dev/null; then echo tsc -p dashboard; tsc -p dashboard; \
	elif [ -n "$$CI" ]; then echo "tsc is needed to check the page's types: apt-get install node-typescript" >&2; exit 1; \
	else echo "the page's types are not checked: tsc is not installed (apt-get install node-typescript)"; fi

format: install ## rewrite to the house format
	$(PY) -m ruff format $(SOURCES)
	$(PY) -m ruff check --fix $(SOURCES)

test: unit parts programs ## all tests: the three groups below, one after the other

unit: install ## tests of single parts, within half a minute; what to run after each change
	$(PY) -m pytest -q -n $(CORES) --dist worksteal $(addprefix --ignore ,$(PARTS) $(PROGRAMS))

parts: install ## tests of parts together: the whole API, the command line, databases, the simulation
	$(PY) -m pytest -q -n $(WORKERS) --dist worksteal $(PARTS)

programs: install ## tests of whole programs and of the page in a browser, which mostly wait: the files side by side
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PROGRAMS)

cut-test: install ## the page after a minute without the hub: every series is what the store has
	TRIBUTARY_TEST_CUT_S=60 $(PY) -m pytest -q tests/browser/test_cut.py

flood-test: install ## 20,000 connects, 2,000 dripping heads, floods of frames, few descriptors, 256 MB: known devices still get in; a minute
	$(PY) -m simulators.siege

crash-test: install ## kill hubs, devices, a database server under load, fill, break and slow the disk; no reading may be lost or doubled; CRASH="--kills 1000"
	$(PY) -m simulators.crash $(CRASH)

IMAGES ?= 10000
power-test: install ## cut the power of journal, state, a device's spool and a whole hub at each step, and open what the disk then may hold; IMAGES=10000
	$(PY) -m tests.power --images $(IMAGES)

STEPS ?= 100000
kill-test: install ## kill a hub at each write, sync, rename and unlink of a whole life, and start it again; STEPS=200 of them
	$(PY) -m tests.power --kills --subject life --images $(STEPS)

FLIPS ?= 1000
rot-test: install ## change a bit of a killed hub's files, or cut them, and start it: nothing wrong is served, what is missing is said; FLIPS=1000
	$(PY) -m tests.power.rot --flips $(FLIPS)

command-test: install ## 10,000 commands and 50 to all devices at once, which are cut and killed, as hubs are; none runs twice, each ends once
	$(PY) -m simulators.commands

notify-test: install ## an alert is told by webhook, once, after its receiver was down for a minute and the hub was killed
	TRIBUTARY_TEST_DOWN_S=60 $(PY) -m pytest -q -s tests/e2e/test_notifications.py

api-test: install ## schemathesis over the whole API, 200 cases an operation as each role; some 30 minutes
	API_TEST_EXAMPLES=200 $(PY) -m pytest -q tests/e2e/test_api.py

conformance-test: install ## our own device client through every scenario of the protocol, four clients at a time
	.venv/bin/tributary conformance --run "$(PY) docs/guide/counting_device.py" --at-once 4 $(CONFORMANCE)

SEEDS ?= 200
SPLITS ?= 1000
sim: install ## hub, devices and viewers in one process by a seed, with everything that goes wrong; SEEDS=2000, SIM="--devices 50 --hours 2"
	$(PY) -m tests.sim --seeds $(SEEDS) $(SIM)

split-test: install ## cut nodes off from Redis while their devices move to others: no command runs twice; SPLITS=1000
	$(PY) -m tests.splits --splits $(SPLITS)

cluster-test: install ## three nodes behind HAProxy: nodes and Redis killed, flapping, restarted under load; nothing acked is lost; CLUSTER="--help"
	$(PY) -m simulators.cluster $(CLUSTER)

store-test: install ## kill hubs while the history writes its files, and a database server under load; each reading once
	$(PY) -m simulators.crash --store

backlog-test: install ## 24 hours of frames wait in the journal, then the store drains them: each reading once; BACKLOG="--help" for more
	$(PY) -m simulators.backlog $(BACKLOG)

fuzz: install ## hostile input of 24 families against a whole hub: 10,000 of each; FUZZ="--family H13 --cases 400 --first 1"
	$(PY) -m tests.fuzz $(FUZZ)

rfc6455: install ## every case of the table of RFC 6455 in every way, ten times in a row
	for round in 1 2 3 4 5 6 7 8 9 10; do TRIBUTARY_TEST_RFC6455_THOROUGH=1 $(PY) -m pytest -q tests/hub/web/test_rfc6455.py tests/hub/web/test_rfc6455_handshake.py tests/e2e/test_rfc6455.py || exit 1; done

gate: install ## every promise of reliability in a form of minutes, one after the other, in a table: 45 minutes; GATE="G7 G8", GATE="--release G3"
	$(PY) -m tests.gate $(GATE)

slow-viewers-test: install ## 500 viewers, of which one is slow and a hundred never read: what the others notice, in seven pairs
	$(PY) -m tests.gate.slow_viewers

storm-test: install ## 5,000 devices whose links all break, and whose hub restarts: until the last one streams again
	$(PY) -m tests.gate.storm

revocation-test: install ## tokens revoked on one of three nodes while their devices stream to another; 300 of them
	$(PY) -m tests.gate.revocations

replay-test: install ## a million frames, a fifth of what is sent is sent again: each is stored once
	$(PY) -m tests.gate.replays

SOAK ?= 24
soak-test: install ## 1,000 devices and 100 viewers, five cuts a second, for 24 hours: memory, delays, what is left; SOAK=0.5
	$(PY) -m tests.gate.soak --hours $(SOAK)

page-soak: install ## a dashboard of twelve charts that stays open for eight hours
	$(PY) -m tests.gate.page_soak

MUTANTS ?= 300
SEED ?= 1
JOBS ?= $(CORES)
mutation: install ## change devices/wire, hub/journal and hub/core a little: is it noticed? MUTANTS=300 of all places; SEED=2: others; JOBS=2 at a time
	$(PY) -m tests.gate.mutation --mutants $(MUTANTS) --seed $(SEED) --jobs $(JOBS)

coverage: install ## branch coverage of protocol, journal, stores and sessions by unit tests and tests of parts
	rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest -q -n $(CORES) --dist worksteal $(addprefix --ignore ,$(PROGRAMS)) --ignore tests/test_architecture.py
	$(PY) -m coverage combine -q
	$(PY) -m coverage report

differential: install ## any bytes, cut anywhere, 20,000 times: the fast intake against trio-websocket alone; and what is sent
	TRIBUTARY_TEST_DIFFERENTIAL_EXAMPLES=20000 $(PY) -m pytest -q tests/hub/web/test_frames_differential.py tests/hub/web/test_frames_sending.py

firmware: install ## the C client: the power cut at each write of its flash, long fuzzing, the whole course of conformance, what it costs
	TRIBUTARY_TEST_POWER_CUT_STEP=1 TRIBUTARY_TEST_FUZZ_ROUNDS=5000000 TRIBUTARY_TEST_WHOLE_COURSE=1 $(PY) -m pytest -q tests/devices/firmware/c tests/e2e/test_firmware_c.py
	$(PY) -m tests.devices.firmware.c.measure

micropython-figures: install ## what the MicroPython client costs: code, RAM, bytes on the wire, readings a second; TRIBUTARY_TEST_MICROPYTHON, TRIBUTARY_TEST_MPY_CROSS
	$(PY) -m tests.devices.firmware.micropython.figures

bench: install ## every figure of docs/performance.md, each beside its floor, in one table; 15 minutes
	.venv/bin/tributary bench all

pictures: install ## the pictures of README and docs anew, of a small plant; needs Chromium; two minutes
	$(PY) -m simulators.pictures docs/images

lock: ## pin versions and hashes anew (needs uv in .venv)
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --all-extras --no-header --no-annotate pyproject.toml -o requirements.lock

audit: install ## look up known weaknesses of every pinned package; needs the network, and says so where there is none
	@test -x .build/audit/bin/pip-audit || { $(PY) -m venv .build/audit && .build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit; } \
	|| { rm -rf .build/audit; echo "pip-audit cannot be installed: no package index is reachable; nothing was audited" >&2; exit 2; }
	@$(PY) -m release.audit .build/audit/bin/pip-audit requirements.lock

release: install ## wheel, source, bill of materials and checksums of the last commit in dist/, the same bytes anywhere; SIGNING_KEY=key signs
	$(PY) -m release $(if $(SIGNING_KEY),--signing-key $(SIGNING_KEY))

clean: ## remove what make install and the tests made
	rm -rf .venv .build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
