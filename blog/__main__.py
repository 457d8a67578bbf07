"""`python -m blog`: the chapters run, exported, and built into `site/`, all or nothing."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import nbformat

from blog import pictures
from blog.address import checked
from blog.console import speak_anywhere
from blog.page import NotPublishable, Page, Spec, compressed, page_of
from blog.recording import Recording
from chapters import Chapter, found

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
        check_place(SITE)
        with alone(BUILD), ThreadPoolExecutor(os.cpu_count()) as pool:
            pages = list(pool.map(run_chapter, chapters))
            publish(run_sphinx(gather(chapters, pages)), SITE)
    except (NotPublishable, NotBuilt, OSError, ValueError) as error:
        # What could not be copied is a list with a line for each file.
        words = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        sys.exit(f"make blog: {words}\n{SITE.name}/ is as it was.")
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

    So two builds of one code are the same to the byte, although chapters time themselves.

    Raises:
        NotPublishable: if a cell raised or warned, or shows what a page can't.
    """
    kept = BUILD / "exports" / f"{chapter.file.stem}-{fingerprint(chapter)}.ipynb"
    recording = kept.with_suffix(".json")
    if kept.exists():
        return page_of(chapter, nbformat.read(kept, 4), Recording.read(recording))
    kept.parent.mkdir(parents=True, exist_ok=True)
    for outdated in kept.parent.glob(f"{chapter.file.stem}-*"):
        outdated.unlink()
    fresh = kept.with_suffix(".new")
    done = run(["marimo", "export", "ipynb", chapter.file, "-o", fresh, *EXPORT])
    # Where a cell raised there is an export all the same, and it tells which.
    page = page_of(chapter, nbformat.read(fresh, 4)) if fresh.exists() else None
    if page is None or done.returncode != 0:
        raise NotPublishable(f"{chapter.file.name} could not be exported:\n{done.stderr}")
    places = json.dumps(chapter.places)
    played = run(["blog.recording", chapter.file, recording, places])
    if played.returncode != 0:
        raise NotPublishable(played.stderr.strip())
    page = page_of(chapter, nbformat.read(fresh, 4), Recording.read(recording))
    fresh.replace(kept)
    return page


def fingerprint(chapter: Chapter) -> str:
    """Return a digest of all that a chapter's outputs come from."""
    digest = hashlib.sha256()
    digest.update(" ".join([sys.version, *map(version, LIBRARIES), *EXPORT]).encode())
    package = sorted(
        f for f in (ROOT / "groundup").rglob("*") if f.suffix in (".py", ".csv", ".json")
    )
    digest.update(json.dumps(chapter.places).encode())
    for file in (chapter.file, ROOT / "blog/recording.py", *package):
        digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def gather(chapters: list[Chapter], pages: list[Page]) -> Path:
    """Fill Sphinx's source folder: pages written by hand, and what the chapters become."""
    source = BUILD / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "blog/pages", source)
    for folder in ("static", "templates"):
        shutil.copytree(ROOT / "blog" / folder, source / folder)
    for file in ("blog/conf.py", "LICENSE"):
        shutil.copy(ROOT / file, source)
    (source / "static/vega.js").write_text(pictures.vega_bundle(), "utf-8")
    known = []
    for chapter, page in zip(chapters, pages, strict=True):
        nbformat.write(page.notebook, source / f"{chapter.slug}.ipynb")
        (source / "recorded").mkdir(exist_ok=True)
        for name, content in page.recorded.items():
            (source / f"recorded/{name}.json").write_text(json.dumps(content), "utf-8")
        for name, spec in page.charts.items():
            card = chapter.slug if name == page.explorer else ""
            write_chart(source, name, spec, card, (chapter.heading, chapter.question))
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
    words = ("From the Ground Up", "The training code of deep learning, rebuilt")
    write_chart(source, "home", pages[0].charts[pages[0].explorer], "home", words)
    return source


def write_chart(
    source: Path, name: str, spec: Spec, card: str, words: tuple[str, str]
) -> None:
    """Write a chart's data, and its picture for readers without scripts.

    Args:
        source: Sphinx's folder.
        name: the chart's, as directives call it.
        spec: the chart.
        card: the card's name, if the picture is to be a card, too.
        words: heading and line on the card.
    """
    folder = source / "charts"
    folder.mkdir(exist_ok=True)
    drawn = pictures.picture(spec)
    picture = f"{card}.png" if card else f"{name}.svg"
    image = pictures.card(spec, *words) if card else drawn.svg.encode()
    (folder / picture).write_bytes(image)
    content = {"spec": spec, "height": drawn.height, "picture": picture}
    (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")


def run_sphinx(source: Path) -> Path:
    """Build all pages anew, beside the site that stands. A warning is an error."""
    built = BUILD / "html"
    shutil.rmtree(built, ignore_errors=True)
    options = ["-b", "html", "-q", "-E", "-W", "--keep-going"]
    done = run(["sphinx", *options, "-d", BUILD / "doctrees", source, built])
    if done.returncode != 0:
        raise NotBuilt(f"Sphinx says:\n{done.stderr}")
    (built / ".buildinfo").unlink()
    # Without it GitHub Pages would drop the folders whose names start with _.
    (built / ".nojekyll").touch()
    return built


def run(module: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment, from the repository's root."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
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
