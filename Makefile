# The commands of the project; CI runs the same ones. `make demo` and `make test` need Rust,
# Python 3.10 or newer and make, and set up everything else themselves.

PYTHON ?= python3
VENV := .venv
# On Windows, where the wheels of a release are built, the folder has another name.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find crates python -name '*.rs' -o -name 'Cargo.toml' -o -name '*.pyi')

# The whole Django projects that have tests of their own.
PROJECTS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/projects/*/test_*.py)))))

# The tests that are about what is stored; they run on each database.
STORED := $(patsubst %,tests/test_%.py,export_tables models permissions prepared receivers renewal \
	session_views sessions stores times)

# The crates with tests and programs. The binding has none, and asks for other features of the rest.
CRATES := --workspace --exclude djwto-python

# The client for pages. Its tools come by npm, and npm comes by pip.
CLIENT := clients/browser
REACT := $(CLIENT)/examples/react
CLIENT_TOOLS := $(CLIENT)/node_modules/.package-lock.json
REACT_TOOLS := $(REACT)/node_modules/.package-lock.json
ASSERTIONS := examples/assertions
ASSERTION_TOOLS := $(ASSERTIONS)/node_modules/.package-lock.json
NPM := $(BIN)/python tools/npm.py --silent --prefix

# How long `make fuzz` works on each target.
SECONDS ?= 600

# What `make wheel` and `make server` build for: a Rust target, this machine's by default.
# And a free-threaded Python for a wheel.
TARGET ?=
FREE_THREADED ?=

# The oldest Rust that is promised.
MSRV ?= $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# Runs targets of this file and prints how long each took; see the tool's first lines.
STAGES = MAKE="$(MAKE)" $(PYTHON) tools/stages.py

.PHONY: help system build client demo demo-rest fleet guard lint workflows format bench docs docs-version picture fuzz deny lock clean \
	bench-server \
	test test-builds test-rust test-client test-python test-served served-first served-others \
	test-proxies test-conformance \
	test-long long-tests test-versions \
	dist dist-empty target-here wheel server sdist crates npm sbom dist-check release-check \
	msrv advisories pythons nightly publish-tag publish-crates publish-npm
help:
	@echo "make demo       the example portal on https://localhost:8002"
	@echo "make demo-rest  an example with REST framework, on https://localhost:8003"
	@echo "make fleet      the portal's login before JupyterLab and a dashboard, on https://app.demo.localhost:8004"
	@echo "make build      the development build of the engine, for the tests"
	@echo "make client     builds and checks the client for pages"
	@echo "make test       Rust, Python, browser, proxies, conformance: the tests of every change"
	@echo "make test-long  kills, races, scale, packages, all versions of Python and Django"
	@echo "make lint       formatting, clippy, ruff, mypy, stubtest, the workflows"
	@echo "make bench      speed, compared with other packages"
	@echo "make bench-server  speed, memory and size of djwto-server"
	@echo "make docs       the documentation, into site/"
	@echo "make picture    the README's picture of the portal, into docs/images/"
	@echo "make fuzz       ten minutes for each fuzz target; SECONDS=5 for a short run"
	@echo "make deny       licences, sources and duplicates of the Rust crates"
	@echo "make dist       all that is published, built and tested, into dist/"
	@echo "make sbom       bills of material, into dist/sbom/"
	@echo "make msrv       compiles the crates with the oldest supported Rust"
	@echo "make advisories known vulnerabilities of the dependencies; needs the network"
	@echo "make lock       pin the newest versions of the Python packages"

# --- set-up -------------------------------------------------------------------------------------

$(VENV)/made:
	@echo "==> creating the virtual environment $(VENV)"
	$(PYTHON) -m venv $(VENV)
	@touch $@

# What the packages of the suite are built with, and what it starts.
system:
	@PYTHON="$(PYTHON)" sh tools/system-packages

$(VENV)/packages-dev: | system

$(VENV)/packages-%: requirements/%.txt $(VENV)/made
	@echo "==> installing the packages of requirements/$*.txt"
	$(PIP) -r $<
	@touch $@

# The profile `dev`, which `cargo test` uses too: what both need is compiled once. `make bench`,
# the wheels of `make test-versions` and what is published have the profile `release`.
$(VENV)/built: $(SOURCES) Cargo.toml Cargo.lock pyproject.toml $(VENV)/packages-demo
	@echo "==> building djwto (the first time, a few minutes)"
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --locked --quiet
	@touch $@

build: $(VENV)/packages-dev $(VENV)/built

%/node_modules/.package-lock.json: %/package-lock.json $(VENV)/packages-client
	@echo "==> installing the packages of $<"
	@$(NPM) $* ci --no-audit --no-fund
	@touch $@

client: $(CLIENT_TOOLS)
	@$(NPM) $(CLIENT) run build
	@$(NPM) $(CLIENT) run check

demo: $(VENV)/built
	@exec $(BIN)/python examples/portal/demo.py $(ARGS)

demo-rest: $(VENV)/packages-rest $(VENV)/built
	@exec $(BIN)/python examples/rest/start.py $(ARGS)

# Nothing of it needs the other packages of the tests, but for nginx.
fleet: system guard $(VENV)/packages-fleet $(VENV)/built
	@exec $(BIN)/python examples/fleet/fleet.py $(ARGS)

# With what `cargo test` builds beside it, so that nothing is compiled once more for the tests.
guard:
	@echo "==> building djwto-server (the first time, a few minutes)"
	@cargo build $(CRATES) --bins --examples --locked --quiet

# --- tests --------------------------------------------------------------------------------------

# With the ceiling of each stage, in minutes.
test:
	+@$(STAGES) test-builds=5 test-rust=3 test-client=1 test-python=6 test-served=5 test-proxies=5 test-conformance=7

# What the tests start.
test-builds: build guard

# More tests at a time than a small machine has cores: many of them wait.
test-rust:
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} cargo test $(CRATES) --locked --quiet
	for path in crates/*/examples/*.rs; do \
		$(or $(CARGO_TARGET_DIR),target)/debug/examples/$$(basename $$path .rs) || exit 1; \
	done

# Its lint, types, sizes and package; and what Django serves is what the sources give.
test-client: $(CLIENT_TOOLS) $(REACT_TOOLS)
	$(NPM) $(CLIENT) run check
	$(NPM) $(REACT) run build

# First on SQLite, then what is stored on the other databases.
test-python: build
	$(BIN)/python -m pytest
	for name in $(PROJECTS); do \
		$(BIN)/python -m pytest --ds=tests.projects.$$name.settings tests/projects/$$name || exit 1; \
	done
	for store in postgres mariadb; do \
		$(BIN)/python -m pytest --store $$store $(STORED) || exit 1; \
	done

# Over https: the quickstart's steps, several processes, a lost database, a browser. In two halves
# at once; what each says is printed at its end, where make can do that (4.0 and newer).
FIRST_HALF := $(addprefix tests/served/,browser recipes sockets)
test-served: build $(CLIENT_TOOLS) $(REACT_TOOLS)
	+@$(MAKE) --no-print-directory --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		served-first served-others

served-first:
	$(BIN)/python -m pytest $(FIRST_HALF)

served-others:
	$(BIN)/python -m pytest tests/served $(FIRST_HALF:%=--ignore=%)

# nginx and Envoy with the files of deploy/, before djwto-server; and the fleet.
test-proxies: build guard $(VENV)/packages-proxies $(VENV)/packages-fleet $(ASSERTION_TOOLS)
	$(BIN)/python -m pytest tests/proxies

# On WSGI and ASGI, with SQLite, PostgreSQL and MariaDB; and with djwto-server and nginx before the portal.
test-conformance: build guard
	$(BIN)/python -m pytest conformance

# What is long by nature: tests with the mark `long`, and builds of what is shipped.
test-long:
	+@$(STAGES) long-tests crates wheel server sdist dist-check test-versions

long-tests: build guard $(VENV)/packages-proxies $(VENV)/packages-fleet
	$(BIN)/python -m pytest -m long -o 'norecursedirs=.* projects' tests

test-versions: build $(VENV)/packages-release
	$(BIN)/python tools/matrix.py

# --- a release; RELEASING.md says when ------------------------------------------------------------

# All that is published. What `make test-long` runs too is built and tried there; see `tools/wheels.py`.
dist:
	+@$(STAGES) dist-empty wheel server sdist crates npm sbom dist-check

dist-empty:
	rm -rf dist

# The target that `TARGET` asks for.
target-here:
	@[ -z "$(TARGET)" ] || rustup target list --installed | grep -qx "$(TARGET)" \
		|| rustup target add "$(TARGET)"

wheel: $(VENV)/packages-release target-here
	$(BIN)/python tools/wheels.py wheel --target "$(TARGET)" --python "$(FREE_THREADED)"

# djwto-server for Linux, linked as the wheels are.
server: $(VENV)/packages-release target-here
	$(BIN)/python tools/server.py build --target "$(TARGET)"

sdist: build $(VENV)/packages-release
	$(BIN)/python tools/wheels.py sdist

# The crates as they would be published, each built from what is in its package.
# Cargo keeps by its version what it has unpacked and compiled of the core, and would compile the server with
# the core of an earlier run.
crates:
	rm -rf "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/-*/djwto-*
	cargo clean --quiet --package djwto-core
	cargo package --workspace --exclude djwto-python --locked --quiet --allow-dirty
	@mkdir -p dist/crates
	cp $(or $(CARGO_TARGET_DIR),target)/package/*-$$($(PYTHON) tools/version.py).crate dist/crates

# The package of clients/browser.
npm:
	@$(MAKE) --no-print-directory client
	@mkdir -p dist/npm
	$(NPM) . pack ./$(CLIENT) --pack-destination dist/npm

sbom: $(VENV)/packages-dev $(VENV)/packages-sbom
	@tools/sbom $(BIN)

dist-check: build $(VENV)/packages-release
	$(BIN)/python tools/wheels.py check
	$(BIN)/python tools/server.py check

# Before anything is uploaded: `make release-check TAG=v0.2.0`.
release-check:
	$(PYTHON) tools/version.py --tag "$(TAG)"

# The workflows alone run these, with a token that lives for minutes.
publish-tag:
	gh release create "$(TAG)" --verify-tag --notes-from-tag dist/*/*

publish-crates:
	cargo publish --workspace --locked

# npm 11 has trusted publishing, and attests by itself.
publish-npm:
	npx --yes npm@11.19.1 publish --access public ./dist/npm/*.tgz

msrv:
	rustup toolchain list | grep -q "^$(MSRV)" \
		|| rustup toolchain install --profile minimal --no-self-update $(MSRV)
	cargo +$(MSRV) check --workspace --all-targets --all-features --locked

# Both ask a database on the network.
advisories: $(VENV)/packages-audit
	@command -v cargo-deny >/dev/null || cargo install --quiet --locked --version 0.20.2 cargo-deny
	cargo deny --locked --all-features check advisories
	$(BIN)/pip-audit --progress-spinner off --disable-pip --no-deps -r requirements/demo.txt

# For machines that come without them: every Python of `tools/pythons.py`, and Rust for `make fuzz`.
pythons: $(VENV)/packages-release
	$(BIN)/uv python install $$(sed -n 's/^VERSIONS = //p' tools/pythons.py | tr -d '(),"')

nightly:
	rustup toolchain install --profile minimal --no-self-update nightly

# --- the rest -------------------------------------------------------------------------------------

lint: $(VENV)/packages-dev $(VENV)/built workflows $(CLIENT_TOOLS)
	cargo fmt --all --check
	for crate in fuzz benches/floor benches/guard benches/paths; do \
		cargo fmt --manifest-path $$crate/Cargo.toml --check || exit 1; \
	done
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m mypy.stubtest djwto._core --concise
	$(NPM) $(CLIENT) run lint

# Nothing of .github can run here; these read it, without a network.
workflows: $(VENV)/packages-audit
	$(BIN)/zizmor --offline --quiet --strict-collection --persona=pedantic .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config \
		.github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms \
		.github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml

format:
	cargo fmt --all
	for crate in fuzz benches/floor benches/guard benches/paths; do \
		cargo fmt --manifest-path $$crate/Cargo.toml; \
	done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/packages-demo $(VENV)/packages-release
	$(BIN)/python tools/bench.py

# djwto-server as it is published, beside a server of axum that answers nothing. It needs nginx.
bench-server: build server
	cargo build --release --locked --quiet --manifest-path benches/guard/Cargo.toml --target-dir target
	PYTHONPATH=tools $(BIN)/python -m benches.guard $(PARTS)

fuzz:
	@tools/fuzz $(SECONDS)

# Not part of `make lint`: the tool takes minutes to install where it is missing.
deny:
	@command -v cargo-deny >/dev/null || cargo install --quiet --locked --version 0.20.2 cargo-deny
	cargo deny --locked --all-features check licenses bans sources
	cargo deny --locked --manifest-path fuzz/Cargo.toml check sources

# The source is read and not imported, so nothing is built. What a page loads or links to is tested.
docs: $(VENV)/packages-docs
	PATH="$(CURDIR)/$(BIN):$$PATH" NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The pages of a release: `make docs-version VERSION=0.2 URL=https://…/`; see the tool's first lines.
docs-version: docs
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/docs-version $(VERSION) $(URL)

picture: build
	$(BIN)/python tools/picture.py

lock: $(VENV)/packages-dev $(VENV)/packages-client
	$(BIN)/uv pip compile --upgrade --quiet --universal --python-version 3.10 \
		--no-emit-index-url --no-header requirements/dev.in -o requirements/dev.txt
	for name in demo rest test docs bench sbom release audit client proxies fleet; do \
		$(BIN)/uv pip compile --upgrade --quiet --universal --python-version 3.10 \
			--no-emit-index-url --no-header -c requirements/dev.txt \
			requirements/$$name.in -o requirements/$$name.txt; \
	done
	$(NPM) $(CLIENT) install --save-dev --save-exact $(addsuffix @latest,typescript esbuild oxlint \
		oxlint-tsgolint react @types/react)
	$(NPM) $(REACT) install --save-exact $(addsuffix @latest,react react-dom vite @vitejs/plugin-react \
		typescript @types/react @types/react-dom)
	$(NPM) $(ASSERTIONS) install --save-exact jose@latest
	for crate in . fuzz benches/floor benches/guard benches/paths; do \
		cargo update --manifest-path $$crate/Cargo.toml; \
	done

clean:
	rm -rf $(VENV) .venvs dist site target fuzz/target fuzz/found examples/*/var \
		$(CLIENT)/dist $(CLIENT)/node_modules $(REACT)/dist $(REACT)/node_modules $(ASSERTIONS)/node_modules
