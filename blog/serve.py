"""Serve the built site on this machine as a host would: compressed, and with its 404 page."""

import argparse
import socket
import sys
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from blog.console import speak_anywhere

SITE = Path(__file__).parent.parent / "site"


def serving(site: Path, under: str = "/") -> Starlette:
    """Return an application that serves a site, at the root or under a path such as `/blog`."""
    files = StaticFiles(directory=site, html=True)
    return Starlette(routes=[Mount(under, files)], middleware=[Middleware(GZipMiddleware)])


def main() -> None:
    """Say where the site is to be seen, and serve it until it is interrupted."""
    speak_anywhere()
    parser = argparse.ArgumentParser(prog="make serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for other machines")
    parser.add_argument("--port", default=8000, type=int, help="0 for any that is free")
    asked = parser.parse_args()
    if not SITE.is_dir():
        sys.exit("make serve: there is no site/ to serve: `make blog` builds it")
    try:
        family = socket.AF_INET6 if ":" in asked.host else socket.AF_INET
        listening = socket.create_server((asked.host, asked.port), family=family)
    except (OSError, OverflowError) as error:
        sys.exit(
            f"make serve: host {asked.host!r} and port {asked.port} can't be served at: "
            f"{error}. Choose others: `make serve port=9000`"
        )
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    port = listening.getsockname()[1]
    print(f"site/ is at http://{host}:{port}/ until you press Ctrl+C", flush=True)
    server = uvicorn.Server(uvicorn.Config(serving(SITE), log_level="warning"))
    with suppress(KeyboardInterrupt):
        server.run([listening])


if __name__ == "__main__":
    main()
