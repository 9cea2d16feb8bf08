# The commands of the project; CI runs the same ones. `make demo` and `make test` need Rust,
# Python 3.10 or newer and make, and set up everything else themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find crates python -name '*.rs' -o -name 'Cargo.toml' -o -name '*.pyi')

# The whole Django projects that have tests of their own.
PROJECTS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/projects/*/test_*.py)))))

# The tests that are about what is stored; they run on each database.
STORED := $(patsubst %,tests/test_%.py,models receivers renewal session_views sessions stores times)

# How long `make fuzz` works on each target.
SECONDS ?= 600

.PHONY: help system demo test lint format bench docs fuzz deny sbom lock clean
help:
	@echo "make demo    the example portal on https://127.0.0.1:8002"
	@echo "make test    everything: Rust, Python, conformance, browser, versions"
	@echo "make lint    formatting, clippy, ruff, mypy, stubtest"
	@echo "make bench   speed beside the peers"
	@echo "make docs    the documentation, into site/"
	@echo "make fuzz    ten minutes for each fuzz target; SECONDS=5 for a look"
	@echo "make deny    licences, origins and doubles of the Rust crates"
	@echo "make sbom    bills of material, into dist/sbom"
	@echo "make lock    pin the newest versions of the Python packages"

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

$(VENV)/built: $(SOURCES) Cargo.toml Cargo.lock pyproject.toml $(VENV)/packages-demo
	@echo "==> building djwto (the first time, a few minutes)"
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --quiet
	@touch $@

# --- the two commands -----------------------------------------------------------------------------

demo: $(VENV)/built
	@exec $(BIN)/python examples/portal/demo.py $(ARGS)

test: $(VENV)/packages-dev $(VENV)/built
	@echo "==> Rust"
	cargo test --workspace --locked --quiet
	@echo "==> Python and documentation"
	$(BIN)/python -m pytest
	for name in $(PROJECTS); do \
		$(BIN)/python -m pytest --ds=tests.projects.$$name.settings tests/projects/$$name || exit 1; \
	done
	@echo "==> sessions and renewals on PostgreSQL and on MariaDB"
	for store in postgres mariadb; do \
		$(BIN)/python -m pytest --store $$store $(STORED) || exit 1; \
	done
	@echo "==> served over https: the README's steps, a lost database, a browser"
	$(BIN)/python -m pytest tests/served
	@echo "==> conformance: WSGI and ASGI, on SQLite, PostgreSQL and MariaDB"
	$(BIN)/python -m pytest conformance
	@echo "==> versions of Python and Django"
	$(BIN)/python tools/matrix.py

# --- the rest -------------------------------------------------------------------------------------

lint: $(VENV)/packages-dev $(VENV)/built
	cargo fmt --all --check
	for crate in fuzz benches/floor benches/paths; do \
		cargo fmt --manifest-path $$crate/Cargo.toml --check || exit 1; \
	done
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m mypy.stubtest djwto._core --concise

format:
	cargo fmt --all
	for crate in fuzz benches/floor benches/paths; do \
		cargo fmt --manifest-path $$crate/Cargo.toml; \
	done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/packages-demo
	$(BIN)/python tools/bench.py

fuzz:
	@tools/fuzz $(SECONDS)

# Not part of `make lint`: the tool takes minutes to install where it is missing.
deny:
	@command -v cargo-deny >/dev/null || cargo install --quiet --locked --version 0.20.2 cargo-deny
	cargo deny --locked --all-features check licenses bans sources
	cargo deny --locked --manifest-path fuzz/Cargo.toml check sources

sbom: $(VENV)/packages-dev $(VENV)/packages-sbom
	@tools/sbom $(BIN)

docs: $(VENV)/packages-dev $(VENV)/built
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lock: $(VENV)/packages-dev
	$(BIN)/uv pip compile --upgrade --quiet --universal --python-version 3.10 \
		--no-emit-index-url --no-header requirements/dev.in -o requirements/dev.txt
	for name in demo test bench sbom; do \
		$(BIN)/uv pip compile --upgrade --quiet --universal --python-version 3.10 \
			--no-emit-index-url --no-header -c requirements/dev.txt \
			requirements/$$name.in -o requirements/$$name.txt; \
	done
	for crate in . fuzz benches/floor benches/paths; do \
		cargo update --manifest-path $$crate/Cargo.toml; \
	done

clean:
	rm -rf $(VENV) .venvs dist site target fuzz/target fuzz/found examples/portal/var
