"""Pack a wheel of the genbench that runs: from its installed files, without a network or a build backend."""

from __future__ import annotations

import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, distributions
from importlib.resources import files
from pathlib import Path

from genbench.errors import UserError

NAME = "genbench"
PACKAGES = {"genbench": "**/*", "genbench_corpora": "**/*", "genbench_examples": "*", "genbench_plugins": "**/*"}
SUFFIXES = (".py", ".typed", ".toml", ".txt", ".html", ".css", ".js")  # of files of these packages
METADATA = ("METADATA", "entry_points.txt", "top_level.txt")
WHEEL = "Wheel-Version: 1.0\nGenerator: genbench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
DATE = (1980, 1, 1, 0, 0, 0)  # of all files, so that the same code makes the same wheel


def pack_wheel(folder: Path) -> Path:
    """Write a wheel of the installed genbench into a folder; return its path. An editable installation has one too.

    The same code gives the same bytes. Raises UserError where genbench runs from a folder without being installed.
    """
    # an installation has a .dist-info; a clone in the working folder may have an .egg-info, left by pip's build
    installed = next((found for found in distributions(name=NAME) if any(_metadata(found))), None)
    if installed is None:
        raise UserError("genbench is not installed, so no wheel of it can be packed; run pip install . in its folder")

    # the code, the metadata, and the list of both
    info = f"{NAME}-{installed.version}.dist-info"
    contents = dict(_code()) | {f"{info}/{name}": data for name, data in _metadata(installed)}
    contents[f"{info}/WHEEL"] = WHEEL.encode()
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")

    path = folder / f"{NAME}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return path


def _code() -> Iterator[tuple[str, bytes]]:
    """Yield the names in the wheel and the contents of all files of the packages, sorted."""
    for package, pattern in PACKAGES.items():
        root = Path(str(files(package)))
        for path in sorted(root.glob(pattern)):
            if path.suffix in SUFFIXES and path.is_file():
                yield f"{package}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _metadata(installed: Distribution) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the metadata that an installation has, its licence included."""
    for path in sorted(installed.files or (), key=str):
        parts = path.parts
        if len(parts) > 1 and parts[0].endswith(".dist-info") and (parts[1] in METADATA or parts[1] == "licenses"):
            yield "/".join(parts[1:]), path.read_binary()


def _record(contents: dict[str, bytes], own_name: str) -> bytes:
    """Return the RECORD of a wheel: each file with its sha256 and size."""
    lines = [
        f"{name},sha256={urlsafe_b64encode(sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in contents.items()
    ]
    return "\n".join([*lines, f"{own_name},,", ""]).encode()
