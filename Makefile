# Everything lives in .venv/; PYTHON chooses the interpreter that makes it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup edit test coverage hooks blog page serve bench

setup: .venv/.complete

# An environment knows its folder by the full name, which .complete holds: a renamed one is set up again.
.PHONY: $(shell for venv in .venv .venv-bench; do \
	test "$$(cat $$venv/.complete 2>&1)" = "$$(pwd -P)" || echo $$venv/.complete; done)

.venv/.complete: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), f"Python 3.11 or newer is needed, this is {sys.version}"'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,blog]' -c constraints.txt
	pwd -P > $@

edit: setup
	$(BIN)/python -m edit

# All, or what is about one chapter: `make test chapter=2`.
test: setup
ifdef chapter
	$(BIN)/python -m pytest --chapter '$(chapter)'
else
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m marimo check --strict notebooks
	$(BIN)/python -m pytest -n logical --maxprocesses 8
endif

# Which lines of the package the fast tests don't reach.
coverage: setup
	$(BIN)/python -m coverage run -m pytest -m "not slow"
	$(BIN)/python -m coverage report

# What of `make test` takes seconds, before each commit.
hooks: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	$(BIN)/python -m pre_commit install

# The series as a site, in site/: `make blog`, or `make blog site_url=https://me.example/blog/`; README says more.
blog: setup
	$(if $(site_url),SITE_URL='$(site_url)') $(if $(repository_url),REPOSITORY_URL='$(repository_url)') \
		$(BIN)/python -m blog

# Any marimo notebook as a page that answers: `make page notebook=my/waves.py to=pages`.
page: setup
	$(BIN)/python -m blog.publish '$(notebook)' --to '$(to)'

# `make serve`, or `make serve port=9000`; `host=0.0.0.0` shows it to other machines.
serve: setup
	$(BIN)/python -m blog.serve $(if $(host),--host '$(host)') $(if $(port),--port '$(port)')

# The peers live in an environment of their own: `make bench`, or `make bench job=loader`.
bench: .venv-bench/.complete
	.venv-bench/bin/python -m benchmarks $(if $(job),--job $(job))

.venv-bench/.complete: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -e '.[bench,test]' -c constraints.txt
	pwd -P > $@
