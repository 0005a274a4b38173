"""The little SVG builder: well-formed whatever it is given, and text stays text."""

from __future__ import annotations

import re
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.views.svg import (
    STRONG,
    arrowhead,
    document,
    element,
    escape,
    fit,
    isolate,
    label,
    text_width,
    wrap,
)

NAMESPACE = "{http://www.w3.org/2000/svg}"

any_text = st.text(st.characters())
"""Control characters and halves of surrogate pairs too."""


def parse(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup.encode("utf-8"))


@given(any_text)
def test_any_text_is_content(text: str) -> None:
    parsed = parse(element("text", escape(text)))
    assert len(parsed) == 0
    assert len(parsed.text or "") == len(text)


@given(any_text)
def test_any_text_is_an_attribute(text: str) -> None:
    parsed = parse(element("text", data_name=text))
    assert list(parsed.attrib) == ["data-name"]
    assert len(parsed.attrib["data-name"]) == len(text)


@given(any_text)
def test_a_text_never_breaks_a_line(text: str) -> None:
    assert not re.search("[\n\r\t]", escape(text))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"])))
def test_what_can_be_shown_is_kept(text: str) -> None:
    kept = text.replace("\ufffe", "").replace("\uffff", "")
    assert (parse(element("text", escape(kept))).text or "") == kept


def test_lines_of_a_title_are_kept() -> None:
    assert parse(element("title", escape("one\ntwo"))).text == "one\ntwo"


def test_markup_is_text() -> None:
    assert escape('<b a="c">&amp;') == "&lt;b a=&quot;c&quot;&gt;&amp;amp;"


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert escape("a\x00b\x1bc\ud800d\uffffe") == "a\ufffdb\ufffdc\ufffdd\ufffde"


def test_attributes_are_named_as_in_svg() -> None:
    made = element("g", class_="a b", text_anchor="end", tabindex="0", fill=None)
    assert made == '<g class="a b" text-anchor="end" tabindex="0"/>'


@pytest.mark.parametrize(
    ("number", "written"),
    [(1, "1"), (1.0, "1"), (1.25, "1.2"), (100.04, "100"), (-0.5, "-0.5"), (10, "10")],
)
def test_numbers_are_short(number: float, written: str) -> None:
    assert element("rect", x=number) == f'<rect x="{written}"/>'


@pytest.mark.parametrize("towards", [1, -1])
def test_an_arrowhead_has_its_tip_where_it_should(towards: int) -> None:
    points = parse(arrowhead(50, 20, towards)).attrib["points"].split()
    (x, y), *back = [map(float, point.split(",")) for point in points]
    assert [x, y] == [50, 20]
    assert all((50 - next(point)) * towards > 0 for point in back)


# Width --------------------------------------------------------------------------------


def test_wide_text_is_wider() -> None:
    assert text_width("mmmm") > text_width("aaaa") > text_width("iiii") > 0
    assert text_width("漢字") > text_width("ab")
    assert text_width("ab", 24) == 2 * text_width("ab", 12)


def test_combining_characters_take_no_width() -> None:
    assert text_width("e\u0301") == text_width("e")
    assert text_width(isolate("bob")) == text_width("bob")


def test_a_joined_emoji_is_as_wide_as_one() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
    assert text_width(family) == text_width("\U0001f468")


@given(any_text, st.floats(0, 400))
def test_a_fitted_text_fits(text: str, width: float) -> None:
    fitted = fit(text, width)
    assert text_width(fitted) <= max(width, text_width("…")) + 1e-6
    if fitted != text:
        assert fitted.rstrip("\u2069").endswith("…")
        assert text.startswith(fitted.rstrip("\u2069").removesuffix("…"))


@given(any_text)
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert fit(text, text_width(text)) == text


@given(
    st.text("ae\u0301\u200d\ufe0f\U0001f468\U0001f3fd", max_size=12).map("a".__add__),
    st.floats(20, 90),
)
def test_nothing_is_cut_off_from_what_it_belongs_to(text: str, width: float) -> None:
    fitted = fit(text, width)
    if fitted == text:
        return
    kept = len(fitted.removesuffix("…"))
    rest = text[kept:].lstrip(" ")
    assert not rest or not unicodedata.combining(rest[0])
    assert not fitted.removesuffix("…").endswith("\u200d")


def test_a_cut_isolate_is_closed() -> None:
    fitted = fit(isolate("a very long name") + " and more", 60)
    assert fitted.count("\u2068") == fitted.count("\u2069") == 1


# Labels -------------------------------------------------------------------------------


def test_a_label_that_is_cut_has_a_title() -> None:
    parsed = parse(label(1, 2, "Wolfeschlegelsteinhausen", width=60))
    assert parsed[0].tag == "title"
    assert parsed[0].text == "Wolfeschlegelsteinhausen"
    assert (parsed[0].tail or "").endswith("…")


def test_a_label_that_fits_has_none() -> None:
    parsed = parse(label(1, 2, "bob", width=60, anchor="middle", class_="halo"))
    assert parsed.text == "bob"
    assert parsed.attrib == {
        "x": "1",
        "y": "2",
        "text-anchor": "middle",
        "class": "halo",
    }


def test_strong_text_needs_more_room() -> None:
    text = "a name of some length"
    width = text_width(text) * (1 + STRONG) / 2
    assert parse(label(0, 0, text, width=width)).text == text
    assert parse(label(0, 0, text, width=width, class_="strong")).text != text


def test_sizes_are_classes_or_numbers() -> None:
    assert 'class="small halo"' in label(0, 0, "a", size=11, class_="halo")
    assert 'font-size="14"' in label(0, 0, "a", size=14)


@given(any_text, st.floats(0, 200))
def test_any_label_is_well_formed(text: str, width: float) -> None:
    parsed = parse(label(0, 0, text, width=width))
    assert {child.tag for child in parsed} <= {"title"}


# Wrapping -----------------------------------------------------------------------------


def test_items_share_lines() -> None:
    assert wrap(["one", "two", "three"], 70) == ["one · two", "three"]


def test_a_wide_item_has_its_own_line() -> None:
    assert wrap(["one", "a very very long one", "two"], 50) == [
        "one",
        "a very very long one",
        "two",
    ]


@given(st.lists(st.text("abcdef", min_size=1, max_size=9)), st.floats(0, 300))
def test_wrapping_keeps_every_item(items: list[str], width: float) -> None:
    lines = wrap(items, width)
    assert [item for line in lines for item in line.split(" · ")] == items
    for line in lines:
        assert text_width(line) <= width or " · " not in line


def test_nothing_needs_no_line() -> None:
    assert wrap([], 100) == []


# Documents ----------------------------------------------------------------------------


@given(any_text)
def test_a_document_is_well_formed(title: str) -> None:
    markup = document(300, 200.5, ["<g/>"], title=title, class_="meshwidget-test")
    parsed = parse(markup)
    assert parsed.tag == f"{NAMESPACE}svg"
    assert parsed.attrib["class"] == "meshwidget-svg meshwidget-test"
    assert parsed.attrib["viewBox"] == "0 0 300 200.5"
    assert [child.tag.removeprefix(NAMESPACE) for child in parsed] == [
        "style",
        "rect",
        "g",
    ]


def test_a_document_has_an_element_a_line() -> None:
    lines = document(1, 1, ["<g/>", "<path/>"], title="", class_="a").split("\n")
    assert lines[-3:] == ["<g/>", "<path/>", "</svg>"]


def test_a_document_brings_its_own_colours_and_nothing_from_outside() -> None:
    markup = document(1, 1, [], title="", class_="a")
    assert "@media(prefers-color-scheme:dark)" in markup
    assert "var(--jp-layout-color1," in markup
    assert "http" not in markup.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert " id=" not in markup


def test_the_style_concerns_diagrams_only() -> None:
    style = document(1, 1, [], title="", class_="a").split("<style>")[1]
    style = re.sub(r"@media[^{]*\{", "", style.split("</style>")[0])
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", style):
        for selector in selectors.split(","):
            assert selector.strip().startswith(".meshwidget-svg"), selector
