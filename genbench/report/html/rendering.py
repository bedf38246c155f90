"""Fill the page templates. This is the only place where values become HTML.

Two defenses keep texts and names from becoming markup or script: `printable` replaces invisible characters and Jinja
escapes every value; and the Content-Security-Policy of the page allows no network access, only the style and the
script of the page, by their hash, and images that the script draws itself, of charts to be saved.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from genbench.report.colors import ROLES, SERIES, SERIES_MARKS, SURPRISAL, THEMES
from genbench.report.formatting import printable

POLICY = "default-src 'none'; style-src '{}'; script-src '{}'; {}img-src data:; base-uri 'none'; form-action 'none'"
SCRIPTS = ("script.js", "tools.js")
LIGHT, DARK = 0, 1  # index of a theme in a pair of colors


@dataclass(frozen=True)
class Parts:
    """Scripts and a style that only one page has: files of a folder in `templates/`.

    The scripts of `page` run in the page, those of `worker` are the text of its element `#worker`.
    """

    folder: str
    page: Sequence[str]
    worker: Sequence[str]


def fill(template: str, values: Mapping[str, object], parts: Parts | None = None) -> str:
    """Return a page from a template in `templates/`. Raises jinja2.UndefinedError if a value is missing."""
    templates = _environment()

    # the style and the script that all pages share
    light, dark = _css_variables(LIGHT), _css_variables(DARK)
    style = templates.get_template("style.css").render(light=light, dark=dark, classes=_css_classes())
    script, worker = "\n".join(templates.get_template(name).render() for name in SCRIPTS), ""
    if parts is not None:
        style += _source(f"{parts.folder}/style.css")
        page = "\n".join(_source(f"{parts.folder}/{name}.js") for name in parts.page)
        script += f'\n"use strict";\n{{\n{page}}}\n'
        worker = '"use strict";\n' + "\n".join(_source(f"{parts.folder}/{name}.js") for name in parts.worker)

    # the policy allows only these two, which are trusted and not escaped, and workers made of text in the page
    workers = "worker-src blob:; " if worker else ""
    policy = POLICY.format(content_hash(style), content_hash(script), workers)

    own = {"style": Markup(style), "script": Markup(script), "policy": Markup(policy), "worker": Markup(worker)}
    return templates.get_template(template).render(dict(values) | own)


def fill_part(template: str, values: Mapping[str, object]) -> str:
    """Return a fragment of a page from a template, for a notebook: its style applies to it alone, without a script.

    Raises jinja2.UndefinedError if a value is missing.
    """
    templates = _environment()
    light, dark = _css_variables(LIGHT), _css_variables(DARK)
    style = templates.get_template("notebook.css").render(light=light, dark=dark, classes=_css_classes(".genbench "))
    return templates.get_template(template).render(dict(values) | {"style": Markup(style)})


def standalone_svg(chart: Markup) -> str:
    """Return a chart of a page as an SVG file of its own, in the colors of the light theme."""
    style = f":root {{ {_css_variables(LIGHT)} font-family: sans-serif; background: var(--paper); }} {_css_classes()}"
    start, end = chart.split(">", 1)
    return f"{start}><style>{style}</style>{end}\n"


@cache
def _environment() -> Environment:
    """Return the Jinja environment of the pages."""
    # escape every value, and raise an error for a missing one
    environment = Environment(
        loader=PackageLoader("genbench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    # constants that macros.html uses
    environment.globals["marks"] = SERIES_MARKS
    environment.globals["series"] = len(SERIES)
    return environment


def _source(name: str) -> str:
    """Return a file in `templates/` as it is."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def _visible(value: Any) -> Any:
    """Return a value for a template; in a text, replace characters that are invisible or change its direction."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value)


def content_hash(text: str) -> str:
    """Return the hash of a script or a style in the form of a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _css_variables(theme: int) -> str:
    """Return the CSS variables of a theme, LIGHT or DARK."""
    pairs = dict(THEMES)
    pairs |= {f"series-{number}": pair for number, pair in enumerate(SERIES)}
    pairs |= {f"heat-{level}": pair for level, pair in enumerate(SURPRISAL)}
    return " ".join(f"--{name}: {pair[theme]};" for name, pair in pairs.items())


def _css_classes(within: str = "") -> str:
    """Return the CSS classes of the series, in charts and in text, of the roles of colors, and of levels of surprisal.

    `within` is the selector of the element in which they apply.
    """
    # strokes and fills in charts, text color of marks
    lines = []
    for role in ROLES:
        lines.append(
            f"{within}.stroke-{role} {{ stroke: var(--{role}); }} {within}.fill-{role} {{ fill: var(--{role}); }}"
        )
    for number in range(len(SERIES)):
        color = f"var(--series-{number})"
        lines.append(f"{within}.stroke-{number} {{ stroke: {color}; }} {within}.fill-{number} {{ fill: {color}; }}")
        lines.append(f"{within}.series-{number} {{ color: {color}; }}")

    # level 0 has the color of the background
    levels = range(1, len(SURPRISAL))
    lines += [f"{within}.h{level} {{ background-color: var(--heat-{level}); }}" for level in levels]
    return "\n".join(lines)
