"""Write a proof of a stored run: everything that a stranger needs to check its table."""

from __future__ import annotations

import json
import lzma
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from genbench.corpus.corpus import Corpus, digest_of_text
from genbench.corpus.loading import load_corpora
from genbench.errors import UserError
from genbench.experiments.compare import load_run
from genbench.experiments.comparison import Comparison
from genbench.experiments.proof import verify
from genbench.experiments.proof.readme import readme
from genbench.experiments.proof.rows import (
    ProvedRow,
    compress_row,
    copy_row_model,
    cut,
    find_row_model,
    load_row_model,
    plain_name,
    require_same_bits,
    require_same_size,
)
from genbench.experiments.proof.versions import pinned_versions, requirements
from genbench.experiments.proof.wheel import pack_wheel
from genbench.experiments.significance import labels
from genbench.registry import plugin_files, provider
from genbench.spec import Spec, require_integer
from genbench.storage.files import new_folder, require_new_folder
from genbench.storage.models import StoredModel, digest_of
from genbench.storage.records import JsonObject
from genbench.training import SILENT, ProgressListener

FORMAT = 1
CHECKSUMS = "SHA256SUMS"
OWN_DISTRIBUTION = "genbench"
MAX_CHARACTERS = 10**9


@dataclass(frozen=True)
class Proof:
    """A proof that was written."""

    folder: Path
    digest: str  # sha256 of its list of checksums, which changes with any file
    rows: list[ProvedRow]
    missing: list[str]  # rows that it does not prove, each with the reason


def prove(
    run: str | Comparison,
    folder: str | Path | None = None,
    *,
    characters: int | None = None,
    texts: Sequence[str | Path | Corpus] | None = None,
    listener: ProgressListener = SILENT,
) -> Proof:
    """Write a folder with which a stranger can check the figures of a stored run; RUN-proof where none is named.

    It has the model of each row, the test text compressed by it (with `characters`, its beginning), the test texts, the
    versions of all packages, a wheel of genbench, checksums, and a script that decodes, scores and compares. A row
    whose model is not stored is left out and named. `texts` are the texts of a run that was made from corpora without a
    name. Raises UserError where no row can be proved, a text has changed, or the folder is not empty.
    """
    comparison = load_run(run) if isinstance(run, str) else run
    target = Path(folder or f"{comparison.name}-proof")
    require_new_folder(target)
    require_integer("characters", characters, 1, MAX_CHARACTERS)

    # what can be proved
    stored, missing = _find_models(comparison)
    if not stored:
        raise UserError(f"no row of run {comparison.name} can be proved: {next(iter(missing.values()))}")
    corpora = _load_texts(comparison, texts, listener)
    listener.message(_describe_work(comparison, stored, characters))

    with new_folder(target) as temporary:
        rows = []
        for index, model in stored.items():
            try:
                text = str(corpora[comparison.results[index].author].test)
                rows.append(_prove_row(comparison, index, model, text, characters, temporary, listener))
            except UserError as error:
                if all(row.model != f"models/{model.name}" for row in rows):  # no other seed needs it
                    shutil.rmtree(temporary / "models" / model.name, ignore_errors=True)
                missing[index] = str(error)
        if not rows:
            raise UserError(f"no row of run {comparison.name} can be proved: {next(iter(missing.values()))}")
        with listener.stage("writing texts, versions and checksums"):
            reasons = [f"{_name(comparison, index)}: {reason}" for index, reason in sorted(missing.items())]
            digest = _write_rest(comparison, corpora, rows, reasons, temporary)
    return Proof(target, digest, rows, reasons)


def _find_models(comparison: Comparison) -> tuple[dict[int, StoredModel], dict[int, str]]:
    """Return the stored models by the index of their row, and why the other rows have none."""
    stored, missing = {}, {}
    for index, row in enumerate(comparison.results):
        try:
            stored[index] = find_row_model(row, comparison.name)
        except UserError as error:
            missing[index] = str(error)
    return stored, missing


def _load_texts(
    comparison: Comparison, texts: Sequence[str | Path | Corpus] | None, listener: ProgressListener
) -> dict[str, Corpus]:
    """Return the texts of a run by author. Raises UserError where they are not those that its rows were scored on."""
    settings = comparison.settings
    if texts is None and settings is None:
        raise UserError(f"run {comparison.name} was made in Python from texts without a name: pass them as texts=[...]")
    reading = {} if settings is None else {name: getattr(settings, name) for name in ("lines", "encoding", "column")}
    with listener.stage("reading the texts"):
        corpora = load_corpora(
            settings.authors if texts is None and settings is not None else texts or (),
            **reading,
            held_out=settings.held_out if settings is not None else (),
            on_progress=listener.download,
        )

    # the same test text, else the same whole text
    loaded = {corpus.author: corpus for corpus in corpora}
    for author, info in comparison.corpora.items():
        corpus = loaded.get(author)
        if corpus is None:
            raise UserError(f"run {comparison.name} has a text called {author}, which is not among the texts")
        known, found = (info.sha256, corpus.sha256)
        if info.part_sha256:
            known, found = (info.part_sha256["test"], corpus.part_sha256["test"])
        if known != found:
            raise UserError(
                f"the text of {author} has changed since run {comparison.name} was made (sha256 {known[:12]}, now "
                f"{found[:12]}): restore it, or compare again"
            )
    return loaded


def _describe_work(comparison: Comparison, stored: dict[int, StoredModel], characters: int | None) -> str:
    """Return what will be compressed, and how long that takes at most: so long their audits would take."""
    seconds, read, unknown = 0.0, 0, 0
    for index in stored:
        row = comparison.results[index]
        wanted = min(row.characters or 0, characters or row.characters or 0)
        read += wanted
        if row.audit is None or not row.audit.share or not row.characters:
            unknown += 1
        else:
            seconds += row.audit.seconds / row.audit.share * wanted / row.characters
    time_needed = f", at most about {verify.duration(seconds)}" if seconds and not unknown else ""
    hint = "" if characters else " (--characters N proves the beginning of each test text)"
    return f"compressing {read:,} characters in {len(stored)} rows{time_needed}; verifying takes as long{hint}"


def _prove_row(
    comparison: Comparison,
    index: int,
    stored: StoredModel,
    text: str,
    characters: int | None,
    folder: Path,
    listener: ProgressListener,
) -> ProvedRow:
    """Write what proves a row; return where it is. Raises UserError where it cannot be proved."""
    row, beginning = comparison.results[index], cut(text, characters)
    generators = comparison.settings.generators if comparison.settings else []
    known = [path for spec in generators for path in plugin_files(Spec.parse(spec))]
    place, plugins = copy_row_model(stored, folder, known)

    # the model as the stranger will load it
    model = load_row_model(folder, place, plugins)
    require_same_bits(row, model, text, listener, comparison.name)
    label = _name(comparison, index)
    file = f"compressed/{index + 1:02d}-{plain_name(row.author, row.generator)}.gbz"
    started = time.perf_counter()
    compress_row(model, beginning, folder / file, listener)
    require_same_size(row, len(beginning), folder / file)
    assert model.card is not None
    return ProvedRow(
        index=index,
        author=row.author,
        label=label,
        spec=model.card.training.spec or model.card.spec,
        seed=row.seed,
        model=place,
        compressed=file,
        bytes=(folder / file).stat().st_size,
        characters=len(beginning),
        seconds=round(time.perf_counter() - started, 1),
        plugins=plugins,
        distribution="" if plugins else provider(model.card.spec),
    )


def _name(comparison: Comparison, index: int) -> str:
    """Return the author of a row, its generator, and the options and the seed that tell it from the others."""
    author = comparison.results[index].author
    of_author = [place for place, row in enumerate(comparison.results) if row.author == author]
    return f"{author} {labels([comparison.results[place] for place in of_author])[of_author.index(index)]}"


def _write_rest(
    comparison: Comparison, corpora: dict[str, Corpus], rows: list[ProvedRow], missing: list[str], folder: Path
) -> str:
    """Write texts, versions, the wheel, the table, the script and the checksums; return the digest of these."""
    # the test texts
    (folder / "texts").mkdir()
    texts: dict[str, JsonObject] = {}
    for author in dict.fromkeys(row.author for row in rows):
        test = str(corpora[author].test)
        file = f"texts/{len(texts) + 1:02d}-{plain_name(author)}.txt.xz"
        (folder / file).write_bytes(lzma.compress(test.encode()))
        texts[author] = {"file": file, "sha256": digest_of_text(test), "characters": len(test)}

    # the code and its versions
    wheel = pack_wheel(folder)
    others = [row.distribution.partition(" ")[0] for row in rows if row.distribution]
    versions = pinned_versions([OWN_DISTRIBUTION, *others])
    pinned = requirements(versions, wheel.name)
    (folder / "requirements.txt").write_text(pinned, encoding="utf-8")
    shutil.copyfile(verify.__file__, folder / "verify.py")

    # the table, and what belongs to it
    proof = {
        "format": FORMAT,
        "python": platform.python_version(),
        "versions": versions,
        "texts": texts,
        "rows": [asdict(row) for row in rows],
        "missing": missing,
    }
    for name, values in (("run.json", comparison.to_dict()), ("proof.json", proof)):
        (folder / name).write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    script = (folder / "verify.py").read_text(encoding="utf-8")
    about = readme(comparison, texts, rows, missing, platform.python_version(), script)
    (folder / "README.md").write_text(about, encoding="utf-8")
    return _write_checksums(folder)


def _write_checksums(folder: Path) -> str:
    """Write the checksums of all files of a folder, for `sha256sum --check`; return the digest of the list."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = "".join(f"{digest_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths)
    (folder / CHECKSUMS).write_text(lines, encoding="utf-8")
    return digest_of_text(lines)
