"""Text for pictures: a font that has the letters, and a size at which they fit."""

from functools import lru_cache

from PIL import ImageFont

ELLIPSIS = "…"

SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "AppleSDGothicNeo.ttc",
    "Hiragino Sans GB.ttc",
    "malgun.ttf",
    "msgothic.ttc",
    "msyh.ttc",
    "Arial Unicode.ttf",
    "arial.ttf",
)
"""Looked for, in this order, when the font that Pillow brings lacks a letter."""
TRIAL_SIZE = 16
"""Pixels, for looking which letters a font has."""


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of ``size`` pixels with every letter of ``text``, if there is one.

    Otherwise Pillow's own, which shows a box for a letter that it lacks.
    """
    return _load(_face_with(text), size)


def fit_text(
    text: str, width: int, sizes: tuple[int, int]
) -> tuple[str, ImageFont.FreeTypeFont]:
    """Choose the size, and shorten if need be, so that a text is at most so wide.

    Parameters
    ----------
    text : str
        In one line.
    width : int
        Pixels.
    sizes : tuple of int
        The largest and the smallest size to use, in pixels.

    Returns
    -------
    text : str
        With an ellipsis for an end if it does not fit at the smallest size.
    font : PIL.ImageFont.FreeTypeFont
    """
    largest, smallest = sizes
    face = _face_with(text)
    for size in range(largest, smallest - 1, -2):
        font = _load(face, size)
        if font.getlength(text) <= width:
            return text, font
    font = _load(face, smallest)
    kept = text
    while font.getlength(kept) > width:
        text = text[:-1]
        kept = text.rstrip() + ELLIPSIS
    return kept, font


@lru_cache(maxsize=256)
def _face_with(text: str) -> str | None:
    """Return the name of a system font with these letters; None for Pillow's own."""
    own = _load(None, TRIAL_SIZE)
    if _has_letters(own, text):
        return None
    for face in SYSTEM_FONTS:
        try:
            font = ImageFont.truetype(face, TRIAL_SIZE)
        except OSError:
            continue
        if _has_letters(font, text):
            return face
    return None


@lru_cache(maxsize=64)
def _load(face: str | None, size: int) -> ImageFont.FreeTypeFont:
    if face is not None:
        return ImageFont.truetype(face, size)
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        message = "Pillow was built without FreeType; install its wheel from PyPI."
        raise ImportError(message)
    return font


def _has_letters(font: ImageFont.FreeTypeFont, text: str) -> bool:
    missing = bytes(font.getmask("\uffff"))
    return all(
        character.isspace() or bytes(font.getmask(character)) != missing
        for character in text
    )
