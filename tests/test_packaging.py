"""The package as others get it: a wheel beside what it asks for, and pinned versions."""

import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from chapters import found
from tests.notebooks.chapter import Chapter, only
from tests.serving import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)
LOWEST = PROJECT["requires-python"].removeprefix(">=") + ".0"


def required(requirements: Iterable[str], extras: Iterable[str] = ()) -> set[str]:
    """Return the names of all that is installed because of these requirements.

    Args:
        requirements: as a distribution's metadata has them.
        extras: what is asked for of the distribution whose requirements they are.
    """
    names: set[str] = set()
    _collect(requirements, extras, names, set())
    return names


def _collect(
    requirements: Iterable[str], extras: Iterable[str], names: set[str], seen: set[str]
) -> None:
    for requirement in map(Requirement, requirements):
        asked = f"{requirement.name}[{','.join(sorted(requirement.extras))}]"
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if wanted and asked not in seen:
            seen.add(asked)
            names.add(canonicalize_name(requirement.name))
            further = installed(requirement.name)
            if further is not None:
                _collect(further.requires or (), requirement.extras, names, seen)


def installed(name: str) -> Distribution | None:
    """Return a distribution, if it is there."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command prints. Fails with what it complains about."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: str | Path) -> None:
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


# The wheel.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    pip("wheel", "--quiet", *offline, "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    held = {n for n in ZipFile(wheel).namelist() if n.startswith("groundup/")}
    files = (f for f in ROOT.glob("groundup/**/*") if f.is_file())
    assert held == {str(f.relative_to(ROOT)) for f in files if f.suffix != ".pyc"}


def environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """Make an environment that finds the wheel, what it requires, and nothing else.

    Returns its Python.

    What it requires is linked from the environment of the tests: torch alone would take
    minutes to install.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    pip("--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)
    (metadata,) = folder.glob("lib/python*/site-packages/groundup-*.dist-info")
    for name in required(Distribution.at(metadata).requires or (), extras):
        for top in {file.parts[0] for file in distribution(name).files or ()}:
            link = metadata.parent / top
            if top not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(Path(str(distribution(name).locate_file(top))))
    pip("--python", python, "check")
    return python


@pytest.fixture(scope="module")
def lean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment without extras."""
    return environment(tmp_path_factory.mktemp("lean"), wheel)


@pytest.fixture(scope="module")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment with all that notebooks need."""
    return environment(tmp_path_factory.mktemp("full"), wheel, "notebooks")


TRAINS = """
from importlib.util import find_spec
from groundup import Dataset, LogisticRegression, TrainerConfig, load_digits, load_penguins
from groundup import binary_cross_entropy_with_logits
config = TrainerConfig(epochs=2, batch_size=32, learning_rate=1e-9)
data = Dataset(*load_penguins())
model = LogisticRegression(4)
result = config.build(model, binary_cross_entropy_with_logits, data).train()
assert len(result.train_losses) == 2
assert [len(tensor) for tensor in load_digits()] == [1797, 1797]
absent = ("altair", "hypothesis", "marimo", "numpy", "pandas", "pytest", "tqdm")
print(*(name for name in absent if find_spec(name)))
"""


def test_the_wheel_trains_with_torch_and_nothing_else(lean: Path, tmp_path: Path) -> None:
    warnings = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")  # torch misses it
    assert run(lean, "-I", *warnings, "-c", TRAINS, cwd=tmp_path).split() == []


MISSING = {
    "import groundup.charts": "altair",
    "import groundup.charts.blocks": "altair",
    "import groundup.notebook": "marimo",
    "from groundup import Progress; Progress().on_train_start(None)": "tqdm",
}

REFUSES = """
import sys
from traceback import format_exception_only
for use in sys.argv[1:]:
    try:
        exec(use)
    except ModuleNotFoundError as error:
        print(*format_exception_only(error), end="")
"""


def test_what_needs_more_says_how_to_install_it(lean: Path, tmp_path: Path) -> None:
    said = run(lean, "-I", "-c", REFUSES, *MISSING, cwd=tmp_path).splitlines()
    assert said == [
        f"ModuleNotFoundError: {missing} is not installed: pip install "
        "'groundup[notebooks]'"
        for missing in MISSING.values()
    ]


TYPED = """
from groundup import LinearRegression, NaiveTrainer, NaiveTrainerConfig
from groundup import make_regression, mean_squared_error

model = LinearRegression(1)
config = NaiveTrainerConfig(epochs=1, learning_rate=0.1)
trainer = NaiveTrainer(model, mean_squared_error, *make_regression(8, 1), config)
reveal_type(trainer.train().losses)
"""


def test_who_imports_the_package_gets_its_types(lean: Path, tmp_path: Path) -> None:
    (tmp_path / "trains.py").write_text(TYPED)
    # Torch's own types take a minute to read, and nothing is asked of them.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", lean)
    assert '"list[float]"' in run(*mypy, "trains.py", cwd=tmp_path)


@pytest.mark.slow
@only(max(found()))
def test_a_chapter_beside_the_wheel_runs_wherever_it_is_copied(
    chapter: Chapter, full: Path, tmp_path: Path
) -> None:
    head = chapter.file.with_suffix(".head.html")
    for file in (chapter.file, head, chapter.file.with_name("style.css")):
        shutil.copy(file, tmp_path)
    marimo = (full, "-I", "-m", "marimo", "export", "html", "--no-sandbox")
    run(*marimo, chapter.file.name, "-o", "page.html", cwd=tmp_path)
    assert head.read_text("utf-8").strip() in (tmp_path / "page.html").read_text("utf-8")


# The pins.


def test_every_pin_names_one_version_and_stands_once_in_order() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = [canonicalize_name(pin.split("==")[0]) for pin in pins]
    assert names == sorted(set(names))


def test_all_that_is_installed_for_the_project_is_pinned() -> None:
    asked = [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]
    names = required(asked) - {PROJECT["name"]}
    assert names - {canonicalize_name(name) for name in PINS} == set()


def test_the_pins_hold_on_the_lowest_python_that_is_promised() -> None:
    there = {name: installed(name) for name in PINS}
    pinned = [
        one
        for name, one in there.items()
        if one is not None and one.version.partition("+")[0] == PINS[name]
    ]
    assert pinned
    for one in pinned:
        allowed = SpecifierSet(str(one.metadata.json.get("requires_python", "")))
        assert LOWEST in allowed, f"{one.name} {one.version} asks for {allowed}"
