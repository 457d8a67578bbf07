"""The chapters as their readers get them: under `marimo run`, and exported as one page."""

import html
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request
from uuid import uuid4

from websockets.sync.client import ClientConnection, connect

from edit import answers, ask, free_port

ROOT = Path(__file__).parent.parent
MARIMO = [sys.executable, "-m", "marimo"]
PATIENCE = 120
"""How many seconds to wait for marimo on a busy machine."""


@contextmanager
def running(notebook: Path, command: str = "run") -> Iterator[str]:
    """The address of a `marimo run` of its own, on a port that it finds free.

    Args:
        notebook: the one.
        command: `edit` for the editor, which may write to the notebook.
    """
    options = ["--headless", "--no-sandbox", "--no-skew-protection", "--session-ttl=1"]
    options += ["--no-token"] if command == "edit" else []
    port = free_port()
    where = ["--host=127.0.0.1", f"--port={port}"]
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            [*MARIMO, command, notebook, *options, *where],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            if not answers(f"{address}/health", server, PATIENCE):
                raise RuntimeError(f"marimo gave no answer at {address}")
            yield address
        except Exception as error:
            log.seek(0)
            error.add_note(f"marimo {command} said: {log.read()}")
            raise
        finally:
            server.kill()
            server.wait()


def export(notebook: Path, page: Path) -> str:
    """The page that `marimo export html` makes."""
    command: list[str | Path] = [*MARIMO, "export", "html", notebook, "-o", page]
    command += ["-f", "--no-sandbox"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return page.read_text("utf-8")


class Control(NamedTuple):
    """A slider, switch, dropdown or button as it stands in a cell's output."""

    kind: str
    identity: str
    start: Any
    """Where it stands before it is touched, as the front end sends it."""

    ends: tuple[Any, Any]
    steps: tuple[float, ...]

    def sent(self, value: Any) -> Any:
        """A value as the front end sends it: a slider with steps of its own counts them."""
        if self.kind == "dropdown":
            return (value,)
        return self.steps.index(value) if self.steps else value

    @property
    def elsewhere(self) -> list[Any]:
        """Other places for it, as sent: both ends, a switch's other side, a click."""
        if self.kind in ("slider", "dropdown"):
            return [end for end in self.ends if end != self.start]
        return [not self.start] if self.kind == "switch" else [self.start + 1]


class Reader:
    """A page's front end without a browser: its session has a kernel of its own."""

    def __init__(self, address: str, session: str, socket: ClientConnection) -> None:
        self.address = address
        self.session = session
        self.socket = socket
        self.panels: dict[str, dict[str, Control]] = {}
        """The cells that show controls: a cell → a label → a control."""

        self.outputs: dict[str, str] = {}
        """What is to be seen now: a cell → its output."""

        self.ran: set[str] = set()
        """The cells that ran when a control was last moved."""

        self.charts = self._run()
        """All charts' specifications as they were drawn at first, each under its cell."""

    @property
    def controls(self) -> dict[str, Control]:
        """Every control once, however often it is shown.

        The names of its place and its own → the control.
        """
        names = {
            control.identity: (f"{label} in {cell}", control)
            for cell, panel in self.panels.items()
            for label, control in panel.items()
        }
        return dict(names.values())

    def move(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Set controls that stand together, by their labels.

        Gives the charts drawn again, each under its cell.
        """
        panel = next(p for p in self.panels.values() if values.keys() <= p.keys())
        return self.send(
            {panel[label]: panel[label].sent(v) for label, v in values.items()}
        )

    def press(self, label: str) -> dict[str, str]:
        """Press a button. Gives the charts drawn again, each under its cell."""
        return self.move({label: 1})

    def send(self, values: Mapping[Control, Any]) -> dict[str, str]:
        """Set controls to what the front end would send.

        Gives the charts drawn again, each under its cell.
        """
        body = {
            "objectIds": [control.identity for control in values],
            "values": list(values.values()),
        }
        headers = {"Content-Type": "application/json", "Marimo-Session-Id": self.session}
        url = f"{self.address}/api/kernel/set_ui_element_value"
        ask(Request(url, json.dumps(body).encode(), headers)).close()
        return self._run()

    def _run(self) -> dict[str, str]:
        """Wait until the kernel is done. Gives new charts' specifications by cell."""
        charts: dict[str, str] = {}
        self.ran = set()
        while True:
            message = json.loads(self.socket.recv(PATIENCE))
            if message["op"] == "completed-run":
                return charts
            if message["op"] != "cell-op":
                continue
            cell, output = message["data"]["cell_id"], message["data"].get("output")
            if message["data"].get("status") == "running":
                self.ran.add(cell)
            if output is None:
                continue
            assert output["channel"] != "marimo-error", output
            self.outputs[cell] = str(output["data"])
            if "vegalite" in output["mimetype"]:
                charts[cell] = output["data"]
            elif controls := _controls(str(output["data"])):
                self.panels[cell] = controls


@contextmanager
def reading(address: str) -> Iterator[Reader]:
    """A reader of the notebook at this address, for whom all its cells have run."""
    session = uuid4().hex
    url = f"{address.replace('http', 'ws', 1)}/ws?session_id={session}"
    with connect(
        url, proxy=None, max_size=None, open_timeout=PATIENCE, ping_interval=None
    ) as socket:
        yield Reader(address, session, socket)


def _controls(output: str) -> dict[str, Control]:
    """The controls in a cell's output by their labels."""
    controls = {}
    element = r"object-id='(.*?)'[^>]*><marimo-(slider|switch|dropdown|button) (.*?)>"
    for identity, kind, attributes in re.findall(element, output):
        values = {
            name: json.loads(html.unescape(value))
            for name, value in re.findall(r"data-([\w-]+)='(.*?)'", attributes)
        }
        label = re.sub(r"<.*?>", "", values["label"] or "")
        ends = values.get("start", 0), values.get("stop", 0)
        start = values["initial-value"]
        if kind == "dropdown":
            start, options = tuple(start), values["options"]
            ends = (options[0],), (options[-1],)
        steps = tuple(values.get("steps", ()))
        controls[label] = Control(kind, identity, start, ends, steps)
    return controls
