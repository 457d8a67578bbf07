"""`python -m blog.serve`: the built site on this machine, as a host would serve it: compressed, with its 404 page."""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

SITE = Path(__file__).parent.parent / "site"
HOST, PORT = "127.0.0.1", 8000


def serving(site: Path, under: str = "/") -> Starlette:
    """An application that serves a site, at the root or under a path such as `/blog`."""
    files = StaticFiles(directory=site, html=True)
    return Starlette(routes=[Mount(under, files)], middleware=[Middleware(GZipMiddleware)])


if __name__ == "__main__":
    if not SITE.is_dir():
        sys.exit("there is no site/ to serve: `make blog` builds it")
    uvicorn.run(serving(SITE), host=HOST, port=PORT, log_level="warning")
