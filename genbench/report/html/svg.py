"""A matplotlib figure as an SVG element of a page: with a title, and without colors, styles and ids of its own.

charts.py draws in placeholder colors, each of which stands for a CSS class, so that one SVG serves the light theme, the
dark theme and paper. Styles become attributes, because the page's policy allows no style in its markup.
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
ROLES = ("ink", "faint", "rule", "paper")  # colors that are not those of series
ROLES_FROM = 0xF0  # the number of the first of them
PLACEHOLDER = re.compile(r"#f0f0([0-9a-f]{2})")
LONG_DECIMAL = re.compile(r"(\d\.\d)\d+")


def svg_settings() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and written: text stays text, and is never read as a formula."""
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


def placeholder_color(series: int | str) -> str:
    """Return the color that stands for a series, by its number, or for one of ROLES.

    >>> placeholder_color(3), placeholder_color("ink")
    ('#f0f003', '#f0f0f0')
    """
    return f"#f0f0{series if isinstance(series, int) else ROLES_FROM + ROLES.index(series):02x}"


def svg(figure: Figure, title: str, description: str, name: str) -> Markup:
    """Return the figure as an SVG element for a page; `name` is unique in the page.

    Screen readers read the title and the description. No text raises an error: a browser mostly has the glyphs that
    matplotlib lacks.
    """
    # what matplotlib writes
    out = io.BytesIO()
    with svg_settings(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.set_canvas(FigureCanvasSVG(figure))
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=no_metadata)

    # without what belongs to a file of its own
    root = ElementTree.fromstring(out.getvalue())
    _remove_metadata(root)
    _rename_ids(root, name)
    for element in root.iter():
        _replace_style(element)

    # with what belongs to a page
    for tag, text in (("desc", description), ("title", title)):
        label = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        label.text = text
        root.insert(0, label)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "class": "chart"}
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    ElementTree.register_namespace("", SVG)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _remove_metadata(root: ElementTree.Element) -> None:
    """Remove matplotlib's metadata, its style sheet, which would apply to the whole page, and its indentation."""
    for parent in list(root.iter()):
        parent.tail = ""
        if len(parent):
            parent.text = ""
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def _rename_ids(root: ElementTree.Element, name: str) -> None:
    """Keep only the ids that are referred to, and make them unique in the page."""
    # the new name of each id
    text = ElementTree.tostring(root, encoding="unicode")
    used = re.findall(r"url\(#([\w-]+)\)", text) + re.findall(r'href="#([\w-]+)"', text)
    new_ids = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(used))}

    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in new_ids:
            element.set("id", new_ids[old])

        # references to ids
        if f"{XLINK}href" in element.attrib:
            element.set("href", f"#{new_ids[element.attrib.pop(f'{XLINK}href')[1:]]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", f"url(#{new_ids[element.attrib['clip-path'][5:-1]]})")


def _replace_style(element: ElementTree.Element) -> None:
    """Turn the style of an element into attributes and classes, and shorten its numbers."""
    classes = []
    for declaration in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        placeholder = PLACEHOLDER.fullmatch(value)
        if placeholder:
            classes.append(f"{key}-{_color_name(int(placeholder[1], 16))}")
        elif key == "font":
            element.set("font-size", re.findall(r"[\d.]+px", value)[0])
        elif key:
            element.set(key, value)
    element.attrib.pop("font-family", None)

    for key in ("d", "x", "y", "transform"):
        if key in element.attrib:
            element.set(key, LONG_DECIMAL.sub(r"\1", element.attrib[key]))
    if element.attrib.get("transform", "").startswith("rotate(-0 "):
        element.attrib.pop("transform")
    if classes:
        element.set("class", " ".join(classes))


def _color_name(number: int) -> str:
    """Return the name of a color in CSS classes by the number in its placeholder."""
    return ROLES[number - ROLES_FROM] if number >= ROLES_FROM else str(number)
