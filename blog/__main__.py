"""`python -m blog`: the chapters run, exported, and built into `site/`, all or nothing."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import nbformat

from blog import pictures
from blog.address import checked
from blog.chapters import Chapter, NotPublishable, Page, Spec, page_of

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build/blog"
SITE = ROOT / "site"

LIBRARIES = ("altair", "marimo", "pandas", "torch", "tqdm")
"""What a chapter's outputs come from beside the code in this repository."""

EXPORT = [
    *("--include-outputs", "--sort", "top-down", "--no-sandbox", "-f"),
    *("--", "--switched-on", "true"),
]
"""Options of marimo's export, and the notebooks' own, see `groundup.notebook.switched_on`."""


class NotBuilt(Exception):
    """Sphinx had something to complain about."""


def main() -> None:
    """Build the site. What went wrong is said in words, and the old site stays."""
    chapters = [Chapter(file) for file in sorted(ROOT.glob("notebooks/[0-9][0-9]_*.py"))]
    try:
        checked(os.environ.get("SITE_URL", ""))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pages = list(pool.map(run_chapter, chapters))
        built = run_sphinx(gather(chapters, pages))
    except (NotPublishable, NotBuilt, ValueError) as error:
        sys.exit(f"make blog: {error}\n{SITE.name}/ is as it was.")
    publish(built)
    for chapter, page in zip(chapters, pages, strict=True):
        print(f"{chapter.slug}.html: {page.heading}, {len(page.charts)} charts")
    sizes = [file.stat().st_size for file in SITE.rglob("*") if file.is_file()]
    print(f"{SITE.name}/: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


def run_chapter(chapter: Chapter) -> Page:
    """Run a chapter by marimo, or take what it gave when the same code last ran.

    So two builds of the same code are the same to the byte, although chapters time themselves.

    Raises:
        NotPublishable: if a cell raised or warned, or shows what a page can't.
    """
    kept = BUILD / "exports" / f"{chapter.file.stem}-{fingerprint(chapter)}.ipynb"
    if kept.exists():
        return page_of(chapter, nbformat.read(kept, 4))
    kept.parent.mkdir(parents=True, exist_ok=True)
    for outdated in kept.parent.glob(f"{chapter.file.stem}-*"):
        outdated.unlink()
    fresh = kept.with_suffix(".new")
    done = run(["marimo", "export", "ipynb", chapter.file, "-o", fresh, *EXPORT])
    # Where a cell raised there is an export all the same, and it tells which.
    page = page_of(chapter, nbformat.read(fresh, 4)) if fresh.exists() else None
    if page is None or done.returncode != 0:
        raise NotPublishable(f"{chapter.file.name} could not be exported:\n{done.stderr}")
    fresh.replace(kept)
    return page


def fingerprint(chapter: Chapter) -> str:
    """Of all that a chapter's outputs come from."""
    digest = hashlib.sha256()
    digest.update(" ".join([sys.version, *map(version, LIBRARIES), *EXPORT]).encode())
    package = sorted(
        f for f in (ROOT / "groundup").rglob("*") if f.suffix in (".py", ".csv", ".json")
    )
    for file in (chapter.file, *package):
        digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def gather(chapters: list[Chapter], pages: list[Page]) -> Path:
    """Sphinx's source folder: the pages written by hand, and all that is made of the chapters."""
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
        for name, spec in page.charts.items():
            card = chapter.slug if name == page.explorer else ""
            write_chart(source, name, spec, card, (page.heading, page.question))
        known.append(
            {
                "slug": chapter.slug,
                "heading": page.heading,
                "question": page.question,
                "description": chapter.description,
                "published": chapter.published,
            }
        )
    (source / "chapters.json").write_text(json.dumps(known), "utf-8")
    words = ("From the Ground Up", "The training code of deep learning, rebuilt")
    write_chart(source, "home", pages[0].charts[pages[0].explorer], "home", words)
    return source


def write_chart(
    source: Path, name: str, spec: Spec, card: str, words: tuple[str, str]
) -> None:
    """A chart's data, and its picture for readers without scripts: a card under these words, if the card has a name."""
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
    options = ["-b", "html", "-q", "-E", "-W", "--keep-going", "-d", BUILD / "doctrees"]
    done = run(["sphinx", *options, source, built])
    if done.returncode != 0:
        raise NotBuilt(f"Sphinx says:\n{done.stderr}")
    (built / ".buildinfo").unlink()
    # Without it GitHub Pages would drop the folders whose names start with _.
    (built / ".nojekyll").touch()
    return built


def run(module: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment, from the repository's root."""
    command = [sys.executable, "-m", *module]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def publish(built: Path) -> None:
    """Put the new site in the place of the old one."""
    old = BUILD / "old"
    shutil.rmtree(old, ignore_errors=True)
    if SITE.exists():
        SITE.rename(old)
    built.rename(SITE)


if __name__ == "__main__":
    main()
