"""Imports that take seconds: torch where a network is used, and never its compiler."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from processes import write_distribution

# torch imports none of them on its own; torch._dynamo is the compiler, which imports most of the others
UNUSED = {
    "torch._dynamo",
    "torch._inductor",
    "torch.onnx",
    "sympy",
    "networkx",
    "nltk",
    "scipy",
    "pandas",
    "matplotlib",
    "numba",
}

TRAIN = "genbench.train('pell', 'lstm-char:hidden=8', steps=3)"
LOAD = "model = genbench.load('pell'); model.generate(length=20); model.score('the tide is out')"
SHOW = """
from contextlib import suppress
from genbench.cli.main import main
for sys.argv in (["genbench", "generators"], ["genbench", "--help"]):
    with suppress(SystemExit):
        main()
"""
CLASSIFY = """
from genbench.neural.classifier import Classifier, PassageEncoder
texts = ["the tide is out " * 50, "nobody hurried him " * 50]
Classifier(PassageEncoder(texts, 0), texts, steps=2)
"""


def unused_imports(code: str) -> str:
    """Return the list of packages in UNUSED that a new process has imported at the end of a program."""
    code = f"import sys, genbench\n{code}\nprint(sorted({UNUSED!r} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()[-1]


@pytest.mark.slow
def test_networks_are_trained_and_loaded_without_a_compiler() -> None:
    assert unused_imports(TRAIN) == "[]"
    assert unused_imports(LOAD) == "[]"


def test_chains_are_described_without_numba() -> None:
    assert unused_imports(SHOW) == "[]"


LISTS = {  # what a command that prints a list must not import, where NLTK's corpus is a zip file
    "--help": {"numpy", "regex", "pydantic", "genbench.generator"},
    "generators list": {"torch", "genbench_plugins", "genbench.sampling", "genbench.neural", "toy_plugin"},
    "corpora list": {"torch", "genbench_plugins", "genbench.sampling", "genbench.registry", "requests"},
    "models list": {"torch", "genbench_plugins", "genbench.neural"},
}
RUN = """
import sys
from genbench.cli.entry import main
try:
    main()
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("command", LISTS)
def test_lists_and_help_import_no_more_than_they_print(command: str, tmp_path: Path) -> None:
    write_distribution(tmp_path)
    (tmp_path / "nltk" / "corpora").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "nltk" / "corpora" / "gutenberg.zip", "w") as archive:
        archive.writestr("gutenberg/austen-emma.txt", "[Emma]")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NLTK_DATA": str(tmp_path / "nltk")}
    process = [
        subprocess.run(
            [sys.executable, "-P", "-c", RUN, *command.split()],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        for _ in range(1 + (command == "generators list"))  # the first one has imported the plugin
    ][-1]
    imported = set(ast.literal_eval(process.stderr.splitlines()[-1]))
    assert not (LISTS[command] | UNUSED) & imported
    assert ("toy-plugin" in process.stdout) == (command == "generators list")


@pytest.mark.slow
def test_classifiers_are_trained_without_a_compiler() -> None:
    assert unused_imports(CLASSIFY) == "['scipy']"  # gensim's, for word2vec


REFUSED = """
from genbench.errors import UserError
for author, spec, arguments in [
    ("nobody", "lstm-char", {}), ("nowhere.txt", "lstm-char", {}), ("pell", "lstm-chra", {}),
    ("pell", "lstm-char:hiden=8", {}), ("pell", "mixture:parts=lstm-char:hiden=8+rnn-char", {}),
    ("pell", "lstm-char", {"budget": "soon"}), ("pell", "lstm-char", {"device": "gpu"}),
]:
    calls = [genbench.train, genbench.compare, lambda *given, **more: genbench.api.load_or_train(*given, **more)]
    for call in calls:
        try:
            call(author, spec, **arguments)
        except UserError:
            continue
        raise AssertionError((author, spec))
for arguments in ({"executor": "here"}, {"generators": ["lstm-char", "markov-char:ordr=2"]}):
    try:
        genbench.compare("pell", **({"generators": "lstm-char"} | arguments))
    except UserError:
        continue
    raise AssertionError(arguments)
import genbench.registry
genbench.registry.summaries()
"""


@pytest.mark.slow
def test_wrong_arguments_are_refused_before_torch_is_imported() -> None:
    code = f"import sys, genbench, genbench.api\n{REFUSED}\nassert 'torch' not in sys.modules"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
