"""A build gives a whole site or none, the same to the byte: tried on three cells."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.building import (
    addresses,
    contents,
    copy_of_the_project,
    make_blog,
    small_project,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project, which was built once."""
    root = small_project(tmp_path_factory.mktemp("small"))
    done = make_blog(root)
    assert done.returncode == 0, done.stderr
    return root


def test_two_more_builds_at_once_give_the_same_bytes_and_say_what_they_made(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(small / "site")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")  # which lacks the headings' dots
    with ThreadPoolExecutor() as pool:
        builds = list(pool.map(make_blog, [small] * 2))
    after = contents(small / "site")
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == []
    for done in builds:
        assert done.returncode == 0, done.stderr
        assert "01-three-cells.html: 1 " in done.stdout
        assert re.search(r"site/: \d+ files, [\d.]+ MB", done.stdout)
    assert ["waiting" in done.stderr for done in builds].count(True) == 1


@pytest.fixture
def broken(small: Path, tmp_path: Path) -> Path:
    """A copy of the small project, for a test to break: its chapter ran, a site stands."""
    root = copy_of_the_project(tmp_path, small)
    exports = Path("build/blog/exports")
    shutil.copytree(small / exports, root / exports)
    (root / "site").mkdir()
    (root / "site/index.html").write_text("the old site")
    return root


def test_a_cell_that_raises_fails_the_build_by_name_and_leaves_the_old_site(
    broken: Path,
) -> None:
    chapter = broken / "notebooks/01_three_cells.py"
    code = chapter.read_text("utf-8")
    line = "    notebook.source(mean_squared_error)\n"
    assert line in code
    chapter.write_text(code.replace(line, f"    1 / 0\n{line}"), "utf-8")
    done = make_blog(broken)
    assert done.returncode != 0
    for words in ("01_three_cells.py", "'1 / 0'", "ZeroDivisionError: division by zero"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(broken / "site") == {"index.html": b"the old site"}


def test_a_notebook_of_the_home_page_that_raises_fails_the_build_by_name(
    broken: Path,
) -> None:
    notebook = broken / "notebooks/strike_a_line.py"
    code = notebook.read_text("utf-8")
    line = "    charts.struck_loop(whole, run, missing)\n"
    assert line in code
    raising = f"    1 / (len(missing) != 3)\n{line}"
    notebook.write_text(code.replace(line, raising), "utf-8")
    done = make_blog(broken)
    assert done.returncode != 0
    for words in (
        "strike_a_line.py",
        "ZeroDivisionError",
        "predict = True and update = True",
    ):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(broken / "site") == {"index.html": b"the old site"}


def test_a_warning_fails_the_build_and_leaves_the_old_site(broken: Path) -> None:
    page = broken / "blog/pages/about.md"
    page.write_text(page.read_text("utf-8") + "\n[nowhere](missing.md)\n", "utf-8")
    done = make_blog(broken)
    assert done.returncode != 0
    assert "missing.md" in done.stderr
    assert contents(broken / "site") == {"index.html": b"the old site"}


def test_a_change_of_the_package_reaches_every_page_that_shows_it(broken: Path) -> None:
    losses = broken / "groundup/losses.py"
    code = losses.read_text("utf-8")
    assert "return ((y_pred - y_true) ** 2).mean()" in code
    changed = code.replace(
        "((y_pred - y_true) ** 2).mean()", "(y_true - y_pred).square().mean()"
    )
    losses.write_text(changed, "utf-8")
    done = make_blog(broken, "https://me.example/notes/blog")
    assert done.returncode == 0, done.stderr
    for page in ("01-three-cells.html", "_modules/groundup/losses.html"):
        text = BeautifulSoup(
            (broken / "site" / page).read_text("utf-8"), "html.parser"
        ).get_text()
        assert "(y_true - y_pred).square().mean()" in text, page
    # Another address, too: what is seen from elsewhere follows, the pages' links need not.
    home = (broken / "site/index.html").read_text("utf-8")
    assert 'href="https://me.example/notes/blog/index.html"' in home
    assert 'content="https://me.example/notes/blog/_static/cards/index.png"' in home
    missing = BeautifulSoup((broken / "site/404.html").read_text("utf-8"), "html.parser")
    assert all(
        urlsplit(a).netloc or a.startswith(("/notes/blog/", "#"))
        for a in addresses(missing)
    )


def test_an_address_of_the_repository_is_on_the_home_page_and_in_the_chapter(
    broken: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPOSITORY_URL", "https://github.com/me/mine")
    done = make_blog(broken)
    assert done.returncode == 0, done.stderr
    home, chapter = (
        BeautifulSoup((broken / "site" / name).read_text("utf-8"), "html.parser")
        for name in ("index.html", "01-three-cells.html")
    )
    assert "git clone https://github.com/me/mine\ncd mine\n" in home.get_text()
    links = {a.get_text(): a["href"] for a in chapter.select(".byline a")}
    file = "me/mine/blob/main/notebooks/01_three_cells.py"
    assert links["source"] == f"https://github.com/{file}"
    assert links["open in molab"] == f"https://molab.marimo.io/github/{file}"
    for name in ("index.html", "01-three-cells.html"):  # built without
        text = (small / "site" / name).read_text("utf-8")
        assert "git clone" not in text
        assert "molab" not in text


def test_an_address_of_no_repository_is_refused_in_words(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPOSITORY_URL", "mine")
    done = make_blog(small)
    assert done.returncode != 0
    assert "repository_url must be an address such as https://github.com/" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "address",
    ["me.example/blog", "ftp://me.example", "https://", "https://me.example/?a=b"],
)
def test_an_address_that_is_none_is_refused_in_words(small: Path, address: str) -> None:
    before = contents(small / "site")
    done = make_blog(small, address)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert (
        f"site_url must be an address such as https://me.example/blog/, got '{address}"
        in done.stderr
    )
    assert contents(small / "site") == before
