"""The package as a whole: what it exports, imports and promises in its examples."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import groundup

PACKAGE = Path(groundup.__file__).parent
README = PACKAGE.parent / "README.md"
FURNITURE = {"charts", "notebook"}
TYPES = "TYPE_CHECKING"
HEAVY = {"altair", "pandas", "marimo"}


def full_name(path: Path) -> str:
    return ".".join(["groundup", *path.relative_to(PACKAGE).with_suffix("").parts])


FILES = {full_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def part(name: str) -> str:
    """Return the part of groundup that a module is, or lies in."""
    return [*name.split("."), ""][1]


CORE = [
    name for name in FILES if part(name) not in FURNITURE and not name.endswith("__init__")
]
PUBLIC = [name for name in CORE if "._" not in name]
NAMESPACE = "groundup.oracle"
"""The one public module whose names are too general for the package's root."""


def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imports(name: str) -> set[str]:
    """Return the full names of all that a module imports, wherever in its file.

    What only a type checker sees is not imported.
    """
    module = tree(name)
    module.body = [
        statement
        for statement in module.body
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == TYPES)
    ]
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


CONSTANTS = {"PENGUIN_FEATURES"}


def defined_in(*modules: str) -> dict[str, object]:
    """The public names that modules define, rather than import → what they name."""
    return {
        name: value
        for module in map(importlib.import_module, modules)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    }


@pytest.mark.parametrize(
    "name", sorted({*groundup.__all__} - CONSTANTS) + sorted(defined_in(NAMESPACE))
)
def test_every_public_name_is_there_and_shows_an_example(name: str) -> None:
    home = groundup if name in groundup.__all__ else groundup.oracle
    public = getattr(home, name)
    docstring = inspect.getdoc(public)
    assert docstring is not None
    assert re.search(r"^Example:\n +>>> ", docstring, re.MULTILINE)
    # And it is among those that pytest runs, which looks for them in the module.
    found = doctest.DocTestFinder().find(sys.modules[public.__module__])
    assert f"{public.__module__}.{name}" in {test.name for test in found if test.examples}


def test_the_public_names_are_all_that_the_public_modules_define_and_sorted() -> None:
    defined = defined_in(*(name for name in PUBLIC if name != NAMESPACE))
    assert set(groundup.__all__) == {*defined} | CONSTANTS
    # Constants and acronyms, classes, functions: ruff's order.
    assert groundup.__all__ == sorted(
        groundup.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )


def test_the_oracles_names_are_used_with_their_modules() -> None:
    names = defined_in(NAMESPACE)
    assert {"hessian", "Quadratic"} <= names.keys()
    assert [name for name in names if hasattr(groundup, name)] == []


def test_the_examples_in_the_readme_run() -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```$",
        README.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert examples, "README.md shows no Python"
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(README), "exec"), names)


def test_importing_the_package_loads_torch_alone() -> None:
    check = (
        f"import sys, groundup; print(*({HEAVY | {'torch._dynamo'}!r} & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("name", FILES)
def test_imports_point_one_way(name: str) -> None:
    imported = imports(name)
    heavy = {
        "charts": {"altair", "pandas"},
        "notebook": {"marimo"},
        "_results": {"pandas"},  # when a frame is asked for
    }.get(part(name), set())
    assert {module.split(".")[0] for module in imported} & HEAVY <= heavy
    furniture = {"charts": {"charts"}, "notebook": FURNITURE}.get(part(name), set())
    assert {part(module) for module in imported} & FURNITURE <= furniture


@pytest.mark.parametrize("name", CORE)
def test_nothing_is_built_on_the_optimizers_of_torch(name: str) -> None:
    assert not any(
        isinstance(node, ast.Attribute) and node.attr == "optim"
        for node in ast.walk(tree(name))
    )
    assert not any(module.startswith("torch.optim") for module in imports(name))


def test_the_script_that_draws_the_readmes_picture_can_be_imported() -> None:
    assert callable(importlib.import_module("docs.screenshot").main)
