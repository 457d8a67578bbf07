"""Opens the series in marimo's editor, at its list of chapters: `python -m edit`.

`marimo edit notebooks` would open a list of files instead, headed "Create a new notebook".
"""

import math
import secrets
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

FIRST = "index.py"
PORT = 2718
"""marimo's own, where it is free."""

ask = build_opener(ProxyHandler({})).open
"""A server on this machine, which no proxy that the environment names can see."""


def main() -> int:
    """Serve the notebooks until the editor ends or Ctrl-C, and return its exit status."""
    for end in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed, too
        signal.signal(end, lambda number, _: sys.exit(128 + number))
    port, token = free_port(PORT), secrets.token_urlsafe(16)
    options = ["--headless", "--no-sandbox", f"--port={port}", "--token-password-file=-"]
    editor = subprocess.Popen(
        [sys.executable, "-m", "marimo", "--quiet", "edit", "notebooks", *options],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends it once, from here
    )
    assert editor.stdin is not None
    editor.stdin.write(token)  # not among the arguments, which others could read
    editor.stdin.close()
    try:
        if answers(f"http://127.0.0.1:{port}/health", editor):
            address = f"http://127.0.0.1:{port}/?" + urlencode(
                {"file": FIRST, "access_token": token}
            )
            print(f"The series is open at\n\n    {address}\n\nCtrl-C ends it.", flush=True)
            webbrowser.open(address)
        return editor.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        editor.terminate()
        editor.wait()


def free_port(wished: int = 0) -> int:
    """Return a port of this machine that nobody listens on: the one wished for, if free."""
    for port in (wished, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise OSError("no port of this machine is free")


def answers(
    address: str, server: subprocess.Popen[Any], patience: float = math.inf
) -> bool:
    """Wait so many seconds for a server to answer, and say whether it does."""
    end = time.monotonic() + patience
    while server.poll() is None and time.monotonic() < end:
        try:
            ask(address).close()
        except URLError:
            time.sleep(0.1)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
