"""Where values become HTML: a template, filled; whatever is no HTML of our own is escaped and made visible.

Two walls keep texts and names from becoming markup or script. Jinja escapes every value, after `printable` took out
what cannot be seen; and the page's policy allows no network, and no script or style but the two in it, by their hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from genbench.report.formatting import printable
from genbench.report.html import colours

POLICY = "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'"


def fill(template: str, values: dict[str, Any]) -> str:
    """A page from a template in `templates/`. Raises jinja2.UndefinedError where a value is missing."""
    templates = _environment()
    dark, light = colours.variables(1), colours.variables(0)
    style = templates.get_template("style.css").render(light=light, dark=dark, classes=colours.classes())
    script = templates.get_template("script.js").render()
    policy = POLICY.format(_hash(style), _hash(script))
    own = {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}
    return templates.get_template(template).render(values | own)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("genbench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["marks"] = colours.MARKS
    made.globals["series"] = len(colours.SERIES)
    return made


def _visible(value: Any) -> Any:
    """What a template is given, without characters that hide or turn what stands beside them."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
