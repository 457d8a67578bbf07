# Everything lives in .venv/; PYTHON chooses the interpreter that makes it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup edit test blog serve bench

setup: .venv/.complete

.venv/.complete: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), f"Python 3.11 or newer is needed, this is {sys.version}"'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,blog]' -c constraints.txt
	touch $@

edit: setup
	$(BIN)/marimo edit --no-sandbox notebooks

test: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/marimo check --strict notebooks
	$(BIN)/pytest

# The series as a site, in site/: `make blog`, or `make blog site_url=https://me.example/blog/`.
blog: setup
	$(if $(site_url),SITE_URL='$(site_url)') $(BIN)/python -m blog

serve: setup
	$(BIN)/python -m blog.serve

# The peers live in an environment of their own: `make bench`, or `make bench job=loader`.
bench: .venv-bench/.complete
	.venv-bench/bin/python -m benchmarks $(if $(job),--job $(job))

.venv-bench/.complete: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -e '.[bench,test]' -c constraints.txt
	touch $@
