"""A drawing of matplotlib made fit for a page: named, without colours, styles and names of its own.

Colours are written by charts.py as signs that stand for a CSS class, so that one drawing serves the light theme, the
dark one and paper. Styles become attributes, as the page's policy allows no style in its markup.
"""

from __future__ import annotations

import io
import re
import warnings
from contextlib import AbstractContextManager
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}"
ROLES = ("ink", "faint", "rule", "paper")  # colours that are no series
SIGN = re.compile(r"#f0f0([0-9a-f]{2})")
LONG = re.compile(r"(\d\.\d)\d+")


def drawing() -> AbstractContextManager[None]:
    """Where a figure is made and written: text stays text, and no sign in it is a formula."""
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "genbench",
            "text.parse_math": False,
            "axes.formatter.use_mathtext": False,
            "axes.formatter.useoffset": False,
            "axes.unicode_minus": False,
            "font.family": ["DejaVu Sans"],
            "font.size": 13,
        }
    )


def sign(place: int | str) -> str:
    """The colour that stands for a series, by its place, or for one of ROLES.

    >>> sign(3), sign("ink")
    ('#f0f003', '#f0f0f0')
    """
    return f"#f0f0{place if isinstance(place, int) else 0xF0 + ROLES.index(place):02x}"


def svg(figure: Figure, title: str, description: str, name: str) -> Markup:
    """The figure as an SVG element for a page: `name` is the page's name of it, unique there.

    A title and a description tell a screen reader what it shows. Raises nothing for any text: what matplotlib has no
    glyph for, a browser mostly has.
    """
    out = io.BytesIO()
    with drawing(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.set_canvas(FigureCanvasSVG(figure))
        figure.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    root = ElementTree.fromstring(out.getvalue())
    _strip(root)
    _rename(root, name)
    for element in root.iter():
        _unstyle(element)
    for tag, text in (("desc", description), ("title", title)):
        told = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        told.text = text
        root.insert(0, told)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "class": "chart"}
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    ElementTree.register_namespace("", SVG)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _strip(root: ElementTree.Element) -> None:
    """Take out matplotlib's metadata, its style sheet, which would be one for the whole page, and its indents."""
    for parent in list(root.iter()):
        parent.tail = ""
        if len(parent):
            parent.text = ""
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def _rename(root: ElementTree.Element, name: str) -> None:
    """Keep the names that something points to, made the page's own, and no others."""
    text = ElementTree.tostring(root, encoding="unicode")
    pointed = re.findall(r"url\(#([\w-]+)\)", text) + re.findall(r'href="#([\w-]+)"', text)
    names = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(pointed))}
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in names:
            element.set("id", names[own])
        if f"{XLINK}href" in element.attrib:
            element.set("href", f"#{names[element.attrib.pop(f'{XLINK}href')[1:]]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", f"url(#{names[element.attrib['clip-path'][5:-1]]})")


def _unstyle(element: ElementTree.Element) -> None:
    """The element's style as attributes and classes; its numbers short."""
    kinds = []
    for one in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in one.partition(":"))
        coloured = SIGN.fullmatch(value)
        if coloured:
            kinds.append(f"{key}-{_role(int(coloured[1], 16))}")
        elif key == "font":
            element.set("font-size", re.findall(r"[\d.]+px", value)[0])
        elif key:
            element.set(key, value)
    element.attrib.pop("font-family", None)
    for key in ("d", "x", "y", "transform"):
        if key in element.attrib:
            element.set(key, LONG.sub(r"\1", element.attrib[key]))
    if element.attrib.get("transform", "").startswith("rotate(-0 "):
        element.attrib.pop("transform")
    if kinds:
        element.set("class", " ".join(kinds))


def _role(number: int) -> str:
    return ROLES[number - 0xF0] if number >= 0xF0 else str(number)
