"""Small pieces of HTML; every text that a person or a model wrote is escaped here."""

import base64
import html
import math
from collections.abc import Iterable, Sequence

from rlhf_studio.report.colours import NAMES, ModelKey

NOTHING = "\u2013"  # en dash
_MINUS = "\u2212"


def text(value: object) -> str:
    """Escaped text: markup in it shows as it was typed."""
    return html.escape(str(value), quote=True)


def number(value: float | None, form: str = ".2f") -> str:
    """A number with a real minus sign; a dash where there is none."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "not finite"
    shown = f"{value:{form}}"
    if not any(digit in shown for digit in "123456789"):  # nothing is left to have a sign
        shown = shown.lstrip("+-")
    return shown.replace("-", _MINUS)


def duration(seconds: float) -> str:
    """``8 s`` or ``1 min 40 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def model_name(key: ModelKey) -> str:
    """A model's name behind its mark: colour and shape, so that colour is never the only sign."""
    return f'<span class="model {key}">{text(NAMES[key])}</span>'


def tag(words: str) -> str:
    return f'<span class="tag">{text(words)}</span>'


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """A table in a card.

    Args:
        heads: Title and CSS class of every column; the titles are HTML.
        rows: Cells as HTML; the first of each row is its header.
    """
    head = "".join(f'<th scope="col"{_class(kind)}>{title}</th>' for title, kind in heads)
    body = []
    for first, *rest in rows:
        cells = "".join(f"<td{_class(kind)}>{cell}</td>" for cell, (_, kind) in zip(rest, heads[1:], strict=True))
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def section(title: str, lead: str, body: str) -> str:
    """A part of the page; title and lead are plain text."""
    paragraph = f"<p>{text(lead)}</p>" if lead else ""
    return f"<section><h2>{text(title)}</h2>{paragraph}{body}</section>"


def picture(light: bytes, dark: bytes, description: str) -> str:
    """A picture inside the page, in the reader's theme."""
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{_data_uri(dark)}">'
        f'<img src="{_data_uri(light)}" alt="{text(description)}" width="720" height="470"></picture>'
    )


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
