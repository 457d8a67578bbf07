"""Where the project's source can be had: set once, as `Repository` in pyproject.toml.

    [project.urls]
    Repository = "https://github.com/OWNER/NAME"

From there the site, the notebooks and README link to it; where it is not set, they don't.
`make blog repository_url=https://…` sets it for one build.
"""

import os
import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent / "pyproject.toml"

ADDRESS = re.compile(r"https://(?P<host>[\w.-]+)(/[\w.~-]+){2,}")
"""Of a repository, without a slash or `.git` at its end."""


def url() -> str:
    """Return the repository's address, or an empty text where none is set.

    Raises:
        ValueError: if it is no address of a repository.
    """
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    address: str = os.environ.get("REPOSITORY_URL") or project.get("urls", {}).get(
        "Repository", ""
    )
    if address and (not ADDRESS.fullmatch(address) or address.endswith(".git")):
        raise ValueError(
            "repository_url must be an address such as https://github.com/OWNER/NAME, "
            f"got {address!r}"
        )
    return address


def links(file: str) -> dict[str, str]:
    """Return what a page says of a file: words → an address.

    Addresses of single files are known of GitHub alone; elsewhere the link leads to the
    repository. molab, where a notebook can be run, reads from GitHub.

    Args:
        file: its path in the repository.
    """
    address = url()
    if not address:
        return {}
    if not address.startswith("https://github.com/"):
        return {"source": address}
    path = f"{address.removeprefix('https://')}/blob/main/{file}"
    molab = f"https://molab.marimo.io/{path.replace('github.com', 'github', 1)}"
    return {"source": f"https://{path}", "open in molab": molab}


def clone() -> str:
    """Return the lines that get a copy, or none."""
    address = url()
    return f"git clone {address}\ncd {address.rpartition('/')[2]}\n" if address else ""
