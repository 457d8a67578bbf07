"""A notebook's controls as a page has them: ordinary inputs, whose places count from 0."""

import html
import json
import re

from blog.controls import Control


def input_of(control: Control) -> str:
    """Return a control with its label."""
    if control.kind == "switch":
        return f"<label>{switch(control)} <span>{label(control)}</span></label>"
    if control.kind in ("radio", "several", "span"):
        return _group(control)
    field = _select(control) if control.kind == "choice" else _range(control)
    return f"<label><span>{label(control)}</span> {field}</label>"


def switch(control: Control) -> str:
    """Return a switch without its label."""
    checked = " checked" * control.start
    return f'<input type="checkbox" role="switch" {_common(control)}{checked}>'


def fixed(control: Control) -> str:
    """Return a control as words: on the page it stays where it starts."""
    now = html.escape(control.words[control.start])
    return f"<p><span>{label(control)}</span> {now}</p>"


def label(control: Control) -> str:
    """Return a label in HTML: its code, its strong and its stressed words."""
    text = html.escape(control.label)
    for mark, tag in (("`", "code"), (r"\*\*", "strong"), (r"\*", "em")):
        text = re.sub(rf"{mark}(.+?){mark}", rf"<{tag}>\1</{tag}>", text)
    return text


def _named(control: Control) -> str:
    words = html.escape(json.dumps(control.words))
    return f'name="{control.name}" data-words="{words}"'


def _common(control: Control) -> str:
    return f'{_named(control)} autocomplete="off"'


def _select(control: Control) -> str:
    options = "".join(
        f'<option value="{i}"{" selected" * (i == control.start)}>{html.escape(word)}'
        "</option>"
        for i, word in enumerate(control.words)
    )
    return f"<select {_common(control)}>{options}</select>"


def _range(control: Control) -> str:
    now = html.escape(control.words[control.start])
    return (
        f'<input type="range" {_common(control)} min="0" '
        f'max="{len(control.places) - 1}" value="{control.start}" aria-valuetext="{now}"> '
        f'<output aria-hidden="true">{now}</output>'
    )


def _group(control: Control) -> str:
    """Return several inputs that are one control: a fieldset has its name and its words."""
    now = html.escape(control.words[control.start])
    if control.kind == "radio":
        group = html.escape(f"{control.name}-of")
        inner = "".join(
            f'<label><input type="radio" name="{group}" value="{i}" autocomplete="off"'
            f"{' checked' * (i == control.start)}> {html.escape(word)}</label>"
            for i, word in enumerate(control.words)
            if control.sent[i] is not None  # nothing chosen has no button
        )
    elif control.kind == "several":
        options = [sent[0] for sent in control.sent if len(sent) == 1]
        inner = "".join(
            f'<label><input type="checkbox" value="{2**i}" autocomplete="off"'
            f"{' checked' * (control.start >> i & 1)}> {html.escape(str(option))}</label>"
            for i, option in enumerate(options)
        )
    else:
        ends = [word.split(" to ") for word in control.words]
        steps = [low for low, high in ends if low == high]
        inner = "".join(
            f'<input type="range" min="0" max="{len(steps) - 1}" autocomplete="off" '
            f'value="{steps.index(end)}" aria-label="{side}" aria-valuetext="{end}">'
            for side, end in zip(("from", "to"), ends[control.start], strict=True)
        )
        inner += f'<output aria-hidden="true">{now}</output>'
    return (
        f'<fieldset class="{control.kind}" {_named(control)}>'
        f"<legend>{label(control)}</legend>{inner}</fieldset>"
    )
