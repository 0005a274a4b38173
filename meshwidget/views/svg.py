"""A little SVG: elements, escaping, the width of text, and the look of all diagrams.

Pure. What comes out is the same byte for byte for the same input, one element a line
where it matters, so that two renderings can be compared line by line. Colours are the
page's own where it has any (JupyterLab, VS Code); an exported file follows the reader's
light or dark setting and brings its own ground. There are no ids, so any number of
diagrams fit one page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

__all__ = [
    "arrowhead",
    "document",
    "element",
    "escape",
    "fit",
    "isolate",
    "label",
    "text_width",
    "wrap",
]

TEXT_SIZE = 12
SMALL_SIZE = 11

STRONG = 1.08
"""How much wider strong text is."""

_ESCAPED = {
    # What XML 1.0 cannot hold at all (section 2.2) is replaced.
    **dict.fromkeys((*range(0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd"),
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    # A line stays one line.
    ord("\t"): "&#9;",
    ord("\n"): "&#10;",
    ord("\r"): "&#13;",
}

_STYLE = """\
.meshwidget-svg{\
--mw-ground:var(--jp-layout-color1,var(--vscode-editor-background,#fff));\
--mw-raised:var(--jp-layout-color2,var(--vscode-editorWidget-background,#f3f4f6));\
--mw-line:var(--jp-border-color1,var(--vscode-widget-border,#c4c9d0));\
--mw-ink:var(--jp-ui-font-color1,var(--vscode-foreground,#1f2328));\
--mw-faint:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#59636e));\
--mw-accent:var(--jp-brand-color1,var(--vscode-focusBorder,#1976d2));\
--mw-good:var(--jp-success-color1,var(--vscode-charts-green,#2e7d32));\
--mw-wait:var(--jp-info-color1,var(--vscode-charts-blue,#0277bd));\
--mw-warn:var(--jp-warn-color1,var(--vscode-charts-orange,#b26a00));\
--mw-bad:var(--jp-error-color1,var(--vscode-errorForeground,#c62828));\
font-family:var(--jp-ui-font-family,var(--vscode-font-family,\
system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif));\
font-size:12px}
@media(prefers-color-scheme:dark){.meshwidget-svg{\
--mw-ground:var(--jp-layout-color1,var(--vscode-editor-background,#15181c));\
--mw-raised:var(--jp-layout-color2,var(--vscode-editorWidget-background,#23272e));\
--mw-line:var(--jp-border-color1,var(--vscode-widget-border,#4a515b));\
--mw-ink:var(--jp-ui-font-color1,var(--vscode-foreground,#e6e9ed));\
--mw-faint:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#a3abb5));\
--mw-accent:var(--jp-brand-color1,var(--vscode-focusBorder,#64b5f6));\
--mw-good:var(--jp-success-color1,var(--vscode-charts-green,#66bb6a));\
--mw-wait:var(--jp-info-color1,var(--vscode-charts-blue,#4fc3f7));\
--mw-warn:var(--jp-warn-color1,var(--vscode-charts-orange,#ffb74d));\
--mw-bad:var(--jp-error-color1,var(--vscode-errorForeground,#ef7373))}}
.meshwidget-svg text{fill:var(--mw-ink);white-space:pre}
.meshwidget-svg .small{font-size:11px}
.meshwidget-svg .strong{font-weight:600}
.meshwidget-svg .faint{fill:var(--mw-faint)}
.meshwidget-svg .halo{paint-order:stroke;stroke:var(--mw-ground);stroke-width:4px;\
stroke-linejoin:round}
.meshwidget-svg .ground{fill:var(--mw-ground)}
.meshwidget-svg .box{fill:var(--mw-raised);stroke:var(--mw-line)}
.meshwidget-svg .box.lit{fill:var(--mw-mark);fill-opacity:.18;stroke:var(--mw-mark);\
stroke-width:2}
.meshwidget-svg .box.been{stroke:var(--mw-ink)}
.meshwidget-svg .line{fill:none;stroke:var(--mw-ink);stroke-width:1.3}
.meshwidget-svg .line.missing{stroke:var(--mw-faint);stroke-width:1;\
stroke-dasharray:4 4}
.meshwidget-svg .thin{fill:none;stroke:var(--mw-line)}
.meshwidget-svg .head{fill:var(--mw-ink)}
.meshwidget-svg .good{--mw-mark:var(--mw-good)}
.meshwidget-svg .wait{--mw-mark:var(--mw-wait)}
.meshwidget-svg .warn{--mw-mark:var(--mw-warn)}
.meshwidget-svg .bad{--mw-mark:var(--mw-bad)}
.meshwidget-svg .over{--mw-mark:var(--mw-faint)}
.meshwidget-svg .mark{fill:var(--mw-mark)}
.meshwidget-svg .ring{fill:var(--mw-ground);stroke:var(--mw-mark);stroke-width:1.6}
.meshwidget-svg .stroke{fill:none;stroke:var(--mw-mark);stroke-width:1.6}
.meshwidget-svg .dashed{stroke-dasharray:5 4}
.meshwidget-svg .dotted{stroke-dasharray:1 4}
.meshwidget-svg .hit{fill:transparent}
.meshwidget-svg .link{stroke-width:2.2}
.meshwidget-svg .link.dotted{stroke-width:1.6}
.meshwidget-svg .reach{stroke:transparent;stroke-width:14}
.meshwidget-svg [tabindex]:hover .reach{stroke:var(--mw-accent);stroke-opacity:.12}
.meshwidget-svg .selected .reach{stroke:var(--mw-accent);stroke-opacity:.24}
.meshwidget-svg [tabindex]:focus-visible .reach{stroke:var(--mw-accent);\
stroke-opacity:.4}
.meshwidget-svg [tabindex]{cursor:pointer;outline:none}
.meshwidget-svg [tabindex]:hover .hit{fill:var(--mw-accent);fill-opacity:.08}
.meshwidget-svg .selected .hit{fill:var(--mw-accent);fill-opacity:.2}
.meshwidget-svg .selected .halo{stroke:none}
.meshwidget-svg [tabindex]:focus-visible .hit{stroke:var(--mw-accent);stroke-width:2}
"""

Attribute = str | float


def escape(text: str) -> str:
    """Make any string content or attribute value, never markup.

    Characters that XML cannot hold become U+FFFD; a line stays one line.
    """
    return text.translate(_ESCAPED)


def isolate(name: str) -> str:
    """A name to be put into a sentence, whichever way it is written (Unicode UAX 9)."""
    return f"\u2068{name}\u2069"


def element(name: str, /, *content: str, **attributes: Attribute | None) -> str:
    """One element.

    Parameters
    ----------
    name : str
        Of the tag.
    *content : str
        Markup, escaped by whoever made it.
    **attributes
        An underscore at the end is dropped, others become hyphens; None leaves one out.
    """
    words = "".join(
        [
            f' {_attribute(key)}="{_value(value)}"'
            for key, value in attributes.items()
            if value is not None
        ]
    )
    inner = "".join(content)
    return f"<{name}{words}>{inner}</{name}>" if inner else f"<{name}{words}/>"


def label(
    x: float,
    y: float,
    text: str,
    *,
    width: float | None = None,
    size: float = TEXT_SIZE,
    anchor: str = "start",
    class_: str | None = None,
    title: str | None = None,
) -> str:
    """One line of text, cut off with an ellipsis where it is wider than there is room.

    Parameters
    ----------
    x, y : float
        Of the anchor and the baseline.
    text : str
        Any text.
    width : float, optional
        Room for it, in pixels; the whole text becomes the title when it is cut.
    title : str, optional
        What a pointer that rests on it shows.
    """
    is_strong = class_ is not None and "strong" in class_
    if width is not None and is_strong:
        width /= STRONG
    shown = text if width is None else fit(text, width, size)
    if title is None and shown != text:
        title = text
    small = "small" if size == SMALL_SIZE else None
    classes = " ".join(filter(None, (small, class_))) or None
    return element(
        "text",
        "" if title is None else element("title", escape(title)),
        escape(shown),
        x=x,
        y=y,
        text_anchor=None if anchor == "start" else anchor,
        font_size=None if size in (TEXT_SIZE, SMALL_SIZE) else size,
        class_=classes,
    )


def arrowhead(x: float, y: float, towards: int, class_: str = "head") -> str:
    """A triangle whose tip is at (x, y), pointing right for 1 and left for -1."""
    back = x - 8 * towards
    points = (
        f"{_value(x)},{_value(y)} {_value(back)},{y - 4:g} {_value(back)},{y + 4:g}"
    )
    return element("polygon", class_=class_, points=points)


def document(
    width: float, height: float, body: Iterable[str], *, title: str, class_: str
) -> str:
    """The whole picture.

    Parameters
    ----------
    body : iterable of str
        Elements, a line each.
    title : str
        What it shows, in words.
    class_ : str
        Which diagram it is, beside ``meshwidget-svg``.
    """
    size = f'width="{_value(width)}" height="{_value(height)}"'
    box = f'viewBox="0 0 {_value(width)} {_value(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="meshwidget-svg {class_}"',
        f'{size} {box} role="group" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        element("rect", class_="ground", width="100%", height="100%"),
        *body,
        "</svg>",
    ]
    return "\n".join(lines)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """Pixels that a text takes in a sans-serif font, a little more than less."""
    return size * sum(_advances(text))


def fit(text: str, width: float, size: float = TEXT_SIZE) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    room = width - size * _em("…")
    kept = 0
    for advance in _advances(text):
        room -= size * advance
        if room < 0:
            break
        kept += 1
    # Never between a character and what belongs to it.
    while kept and (_joins(text[kept]) or text[kept - 1] == "\u200d"):
        kept -= 1
    cut = text[:kept].rstrip()
    opened = cut.count("\u2068") - cut.count("\u2069")
    return cut + "…" + "\u2069" * max(opened, 0)


def wrap(
    items: Iterable[str], width: float, size: float = TEXT_SIZE, between: str = " · "
) -> list[str]:
    """Put items on as few lines as they need; one that is too wide has its own."""
    lines: list[str] = []
    for item in items:
        longer = f"{lines[-1]}{between}{item}" if lines else item
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(item)
    return lines


@cache
def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


@lru_cache(maxsize=4096)
def _value(value: Attribute) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".removesuffix(".0")


def _joins(character: str) -> bool:
    """Whether it belongs to the character before it."""
    return unicodedata.category(character) in ("Mn", "Me", "Mc") or (
        character in "\u200d\ufe0f" or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


_NARROW = frozenset("iIjlt.,:;'|!()[]{}f/ \"`·r-")
_WIDE = frozenset("mwMWQOGD@%—…→✕")


def _advances(text: str) -> Iterator[float]:
    """Width of each character; those that are joined to an emoji have none."""
    previous = ""
    for character in text:
        yield 0.0 if previous == "\u200d" else _em(character)
        previous = character


@cache
def _em(character: str) -> float:
    """Width of a character in units of the font's size."""
    if character in _NARROW:
        return 0.32
    if character in _WIDE:
        return 0.86
    if character < "\u0300":
        return 0.68 if character.isupper() else 0.555
    if _joins(character) or unicodedata.category(character) == "Cf":
        return 0.0
    return 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.68
