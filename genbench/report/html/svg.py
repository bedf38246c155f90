"""Convert a matplotlib figure to an SVG element of a page, with a title and with CSS classes instead of colors.

charts.py draws in placeholder colors, each of which stands for a CSS class, so that one SVG works in the light theme,
in the dark theme and in print. Styles become attributes, because the policy of the page forbids styles in the markup.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from genbench.report.colors import ROLES

SVG, XLINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}"
ROLES_FROM = 0xF0  # placeholder number of the first role; smaller numbers are series
PLACEHOLDER = re.compile(r"#f0f0([0-9a-f]{2})")
LONG_DECIMAL = re.compile(r"(\d\.\d)\d+")


@contextmanager
def svg_settings() -> Iterator[None]:
    """Context manager with the matplotlib settings for drawing, laying out and writing figures.

    A character that matplotlib's font lacks is no error, because browsers usually have it.
    """
    # write text as text elements, the same ids in every run, and never parse text as a formula
    fonts = mpl.rc_context(
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
    with fonts, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def placeholder_color(series: int | str) -> str:
    """Return the placeholder color of a series, by its number, or of one of ROLES.

    >>> placeholder_color(3), placeholder_color("ink")
    ('#f0f003', '#f0f0f0')
    """
    return f"#f0f0{series if isinstance(series, int) else ROLES_FROM + ROLES.index(series):02x}"


def svg(figure: Figure, title: str, description: str, name: str) -> Markup:
    """Return the figure as an SVG element; `name` must be unique in the page.

    Screen readers read the title and the description.
    """
    # write the figure as an SVG file
    out = io.BytesIO()
    with svg_settings():
        figure.set_canvas(FigureCanvasSVG(figure))
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=no_metadata)

    # remove what is only needed in a separate file
    root = ElementTree.fromstring(out.getvalue())
    _remove_metadata(root)
    _rename_ids(root, name)
    for element in root.iter():
        _replace_style(element)

    # add the title and the description for screen readers
    for tag, text in (("desc", description), ("title", title)):
        label = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        label.text = text
        root.insert(0, label)

    # keep the proportions and let the page set the size
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "class": "chart"}
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    ElementTree.register_namespace("", SVG)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _remove_metadata(root: ElementTree.Element) -> None:
    """Remove metadata, indentation, and the style sheet, which would apply to the whole page."""
    for parent in list(root.iter()):
        parent.tail = ""
        if len(parent):
            parent.text = ""
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def _rename_ids(root: ElementTree.Element, name: str) -> None:
    """Remove ids that nothing refers to, and make the others unique in the page."""
    # the new name of each id that is used
    text = ElementTree.tostring(root, encoding="unicode")
    used = re.findall(r"url\(#([\w-]+)\)", text) + re.findall(r'href="#([\w-]+)"', text)
    new_ids = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(used))}

    # rename the ids
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in new_ids:
            element.set("id", new_ids[old])

        # and the references to them
        if f"{XLINK}href" in element.attrib:
            element.set("href", f"#{new_ids[element.attrib.pop(f'{XLINK}href')[1:]]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", f"url(#{new_ids[element.attrib['clip-path'][5:-1]]})")


def _replace_style(element: ElementTree.Element) -> None:
    """Convert the style of an element to attributes and CSS classes, and shorten its numbers."""
    # a placeholder color becomes a class such as stroke-3, any other property an attribute
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

    # one decimal is a tenth of a pixel
    for key in ("d", "x", "y", "transform"):
        if key in element.attrib:
            element.set(key, LONG_DECIMAL.sub(r"\1", element.attrib[key]))
    if element.attrib.get("transform", "").startswith("rotate(-0 "):
        element.attrib.pop("transform")

    # the classes
    if classes:
        element.set("class", " ".join(classes))


def _color_name(number: int) -> str:
    """Return the part of a CSS class that stands for a color, by the number in the placeholder."""
    return ROLES[number - ROLES_FROM] if number >= ROLES_FROM else str(number)
