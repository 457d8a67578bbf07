"""`python -m blog`: the chapters run, exported, and built into `site/`, all or nothing."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat

import repository
from blog import loop, pictures
from blog.address import checked
from blog.console import speak_anywhere
from blog.notebook import Notebook, of_chapter
from blog.page import NotPublishable, Page, Spec, check, compressed, page_of
from blog.recording import Recording
from chapters import Chapter, found, to_come

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build/blog"
SITE = ROOT / "site"

LIBRARIES = ("altair", "marimo", "pandas", "torch", "tqdm")
"""What a chapter's outputs come from beside the code in this repository."""

EXPORT = ["--include-outputs", "--sort", "top-down", "--no-sandbox", "-f"]
"""Options of marimo's export."""


NOT_OURS = {".git", "lost+found"}
"""What `site/` keeps, as a worktree or as a volume."""


class NotBuilt(Exception):
    """A reason why there are no pages, or no place for them; in words."""


def main() -> None:
    """Build the site. What went wrong is said in words, and the old site stays."""
    speak_anywhere()
    try:
        chapters = [*found().values()]
        checked(os.environ.get("SITE_URL", ""))
        repository.url()
        check_place(SITE)
        with alone(BUILD), ThreadPoolExecutor(os.cpu_count()) as pool:
            struck = pool.submit(run_loop, chapters[0])
            pages = list(pool.map(run_chapter, chapters))
            loops = loop.pages(struck.result(), chapters[0])
            publish(run_sphinx(gather(chapters, pages, loops)), SITE)
    except (NotPublishable, NotBuilt, OSError, ValueError) as error:
        # What could not be copied is a list with a line for each file.
        words = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        sys.exit(f"make blog: {words}\n{SITE.name}/ is as it was.")
    for shown in loops:
        size = sum(map(compressed, shown.recorded.values())) / 1000
        print(f"{shown.slug}.html: the loop, a recording of {size:.1f} kB")
    for chapter, page in zip(chapters, pages, strict=True):
        size = sum(map(compressed, page.recorded.values())) / 1000
        print(
            f"{chapter.slug}.html: {chapter.heading}, {len(page.charts)} charts, "
            f"{len(page.recorded)} recordings of {size:.0f} kB"
        )
    sizes = [file.stat().st_size for file in SITE.rglob("*") if file.is_file()]
    print(f"{SITE.name}/: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


def check_place(site: Path) -> None:
    """Refuse, before anything is built, a place where no site can be put.

    Raises:
        NotBuilt: if it is no folder, or none to write in.
    """
    try:
        place = site.resolve()
    except RuntimeError as error:  # of a link that leads to itself
        raise NotBuilt(f"{site} must lead to a folder: {error}") from error
    folder = place if place.exists() else place.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise NotBuilt(f"{folder} must be a folder that you may write in")


@contextmanager
def alone(build: Path) -> Iterator[None]:
    """Wait for another build of this checkout, which writes to the same folders.

    POSIX only, as is the Makefile.
    """
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:  # however a build ends, its lock ends with it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("make blog: waiting for another one to end", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_chapter(chapter: Chapter) -> Page:
    """Run a chapter by marimo, or take what it gave when the same code last ran.

    No chapter reads a clock, so two builds of one code are the same to the byte.

    Raises:
        NotPublishable: if a cell raised or warned, or shows what a page can't.
    """
    kept = place_for(chapter.file, chapter.places, ".ipynb")
    recording, notebook = kept.with_suffix(".json"), of_chapter(chapter)
    if kept.exists():
        return page_of(notebook, nbformat.read(kept, 4), Recording.read(recording))
    fresh = kept.with_suffix(".new")
    page = recorded(notebook, export(notebook.file, fresh), recording)
    fresh.replace(kept)
    return page


def run_loop(chapter: Chapter) -> Recording:
    """Play the notebook that strikes lines out of this chapter's loop.

    Or take what it gave when the same code last ran.

    Raises:
        NotPublishable: if a cell raises.
    """
    kept = place_for(loop.NOTEBOOK, {}, ".json", chapter.file)
    return Recording.read(kept) if kept.exists() else play(loop.NOTEBOOK, kept)


def export(file: Path, to: Path, cwd: Path = ROOT) -> nbformat.NotebookNode:
    """Run a notebook by marimo, and return it with what it shows.

    Raises:
        NotPublishable: if there is nothing.
    """
    done = run(["marimo", "export", "ipynb", file, "-o", to, *EXPORT], cwd)
    # Where a cell raised there is an export all the same, and it tells which.
    if not to.exists():
        raise NotPublishable(f"{file.name} could not be exported:\n{done.stderr}")
    exported: nbformat.NotebookNode = nbformat.read(to, 4)
    raised = any(cell.get("outputs") for cell in exported.cells)
    if done.returncode != 0 and not raised:
        raise NotPublishable(f"{file.name} could not be exported:\n{done.stderr}")
    return exported


def recorded(
    notebook: Notebook, exported: nbformat.NotebookNode, to: Path, cwd: Path = ROOT
) -> Page:
    """Play a notebook's controls, and return its page.

    Raises:
        NotPublishable: if a cell raised or warned, or shows what a page can't.
    """
    check(notebook, exported)
    return page_of(notebook, exported, play(notebook.file, to, notebook.places, cwd))


def play(
    notebook: Path, to: Path, places: Mapping[str, Any] | None = None, cwd: Path = ROOT
) -> Recording:
    """Record a notebook in a process of its own.

    Raises:
        NotPublishable: if that can't be done; says why.
    """
    done = run(["blog.recording", notebook, to, json.dumps(places or {})], cwd)
    if done.returncode != 0:
        raise NotPublishable(done.stderr.strip())
    return Recording.read(to)


def place_for(
    notebook: Path, places: Mapping[str, Any], ending: str, *sources: Path
) -> Path:
    """Return the file for what a notebook gives, once what it gave before has gone."""
    name = f"{notebook.stem}-{fingerprint(places, notebook, *sources)}{ending}"
    kept = BUILD / "exports" / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    for outdated in set(kept.parent.glob(f"{notebook.stem}-*")):
        if not kept.exists():
            outdated.unlink()
    return kept


def fingerprint(places: Mapping[str, Any], *notebooks: Path) -> str:
    """Return a digest of all that notebooks' outputs come from."""
    digest = hashlib.sha256()
    digest.update(" ".join([sys.version, *map(version, LIBRARIES), *EXPORT]).encode())
    package = sorted(
        f for f in (ROOT / "groundup").rglob("*") if f.suffix in (".py", ".csv", ".json")
    )
    digest.update(json.dumps(places).encode())
    player = [ROOT / f"blog/{name}.py" for name in ("recording", "controls", "shown")]
    for file in (*notebooks, *player, *package):
        digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def gather(chapters: list[Chapter], pages: list[Page], loops: list[loop.LoopPage]) -> Path:
    """Fill Sphinx's source folder: pages written by hand, and what the chapters become."""
    source = BUILD / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "blog/pages", source)
    add_looks(source)
    for file in ("blog/conf.py", "LICENSE"):
        shutil.copy(ROOT / file, source)
    for folder in ("loops", "static/cards"):
        (source / folder).mkdir()
    for shown in loops:
        write_loop(source, shown)
    known = []
    for chapter, page in zip(chapters, pages, strict=True):
        write_page(source, page, chapter.question)
        known.append(
            {
                "slug": chapter.slug,
                "heading": chapter.heading,
                "question": chapter.question,
                "description": chapter.description,
                "published": chapter.published.isoformat(),
            }
        )
    (source / "chapters.json").write_text(json.dumps(known), "utf-8")
    announced = [later._asdict() for later in to_come()]
    (source / "to_come.json").write_text(json.dumps(announced), "utf-8")
    return source


def add_looks(source: Path) -> None:
    """Add styles, templates and scripts to Sphinx's folder."""
    for folder in ("static", "templates"):
        shutil.copytree(ROOT / "blog" / folder, source / folder)
    (source / "static/vega.js").write_text(pictures.vega_bundle(), "utf-8")


def write_page(source: Path, page: Page, question: str = "") -> None:
    """Write a page, its charts, and what its script plays; a chapter has a card, too."""
    notebook = page.of
    nbformat.write(page.notebook, source / f"{notebook.slug}.ipynb")
    write_recorded(source, page.recorded)
    for name, spec in page.charts.items():
        card = notebook.slug if name == page.explorer and question else ""
        write_chart(source, name, spec, card, (notebook.heading, question))


def write_loop(source: Path, page: loop.LoopPage) -> None:
    """Write the loop of a page, its chart and its card; and the page, if it is its own."""
    (source / f"loops/{page.slug}.html").write_text(page.listing, "utf-8")
    write_recorded(source, page.recorded)
    write_chart(source, page.slug, page.chart, "", ("", ""))
    (source / f"static/cards/{page.slug}.png").write_bytes(page.card)
    if page.text:
        (source / f"{page.slug}.md").write_text(page.text, "utf-8")


def write_recorded(source: Path, recorded: Mapping[str, Any]) -> None:
    """Write what pages' scripts play, by the names that directives call it."""
    folder = source / "recorded"
    folder.mkdir(exist_ok=True)
    for name, content in recorded.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")


def write_chart(
    source: Path, name: str, spec: Spec, card: str, words: tuple[str, str]
) -> None:
    """Write a chart's data, and its picture for readers without scripts.

    Args:
        source: Sphinx's folder.
        name: the chart's, as directives call it.
        spec: the chart.
        card: the name of the card, if there is to be one of it, too.
        words: heading and line on the card.
    """
    folder = source / "charts"
    folder.mkdir(exist_ok=True)
    drawn = pictures.picture(spec)
    (folder / f"{name}.svg").write_text(drawn.svg, "utf-8")
    if card:
        image = pictures.card(spec, *words)
        (source / f"static/cards/{card}.png").write_bytes(image)
    content = {"spec": spec, "height": drawn.height, "picture": f"{name}.svg"}
    (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")


def run_sphinx(source: Path, build: Path = BUILD, **settings: str) -> Path:
    """Build all pages anew, beside the site that stands. A warning is an error.

    Args:
        source: Sphinx's folder.
        build: where the pages are written.
        settings: what is set beside the folder's `conf.py`.
    """
    built = build / "html"
    shutil.rmtree(built, ignore_errors=True)
    options = ["-b", "html", "-q", "-E", "-W", "--keep-going"]
    options += [f"-D{name}={value}" for name, value in settings.items()]
    done = run(["sphinx", *options, "-d", build / "doctrees", source, built])
    if done.returncode != 0:
        raise NotBuilt(f"Sphinx says:\n{done.stderr}")
    (built / ".buildinfo").unlink()
    # Without it GitHub Pages would drop the folders whose names start with _.
    (built / ".nojekyll").touch()
    return built


def run(module: list[str | Path], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment, or of this repository."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def publish(built: Path, site: Path) -> None:
    """Swap what is in the folder, which stays: it may be a link's target, or a mount.

    Raises:
        OSError: if that can't be done. The old site is then back in its place.
    """
    place = site.resolve()
    place.mkdir(exist_ok=True)
    # Within the folder, so on its file system: all that is left to do is to rename.
    aside = Path(tempfile.mkdtemp(prefix=".aside-", dir=place))
    new, old = aside / "new", aside / "old"
    try:
        shutil.move(built, new)
        old.mkdir()
        stays = {aside, *(place / name for name in NOT_OURS)}
        moves = [(file, old / file.name) for file in place.iterdir() if file not in stays]
        moves += [(file, place / file.name) for file in new.iterdir()]
        with ExitStack() as undo:
            for here, there in moves:
                here.rename(there)
                undo.callback(there.rename, here)
            undo.pop_all()
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        for folder in (old, aside):
            with suppress(OSError):  # it keeps what could not be put back
                folder.rmdir()


if __name__ == "__main__":
    main()
