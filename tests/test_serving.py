"""The tests ask this machine's servers directly, whatever proxy the environment names."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from websockets.sync.server import ServerConnection, serve

from edit import ask, free_port
from tests.building import hosted
from tests.serving import reading


@pytest.fixture(autouse=True)
def a_dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a proxy that nobody runs, for every kind of address."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


def test_a_local_site_is_asked_directly(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("here")
    with hosted(tmp_path) as address, ask(address) as answer:
        assert answer.read() == b"here"


@pytest.fixture
def kernel() -> Iterator[str]:
    """The address of a server whose notebook has no cells, so that it is done at once."""

    def run(socket: ServerConnection) -> None:
        socket.send('{"op": "completed-run"}')

    with serve(run, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def test_a_local_notebook_is_read_directly(kernel: str) -> None:
    with reading(kernel) as reader:
        assert reader.charts == {}
