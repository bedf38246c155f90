"""The plugin of the command `llm`, tested with the real package: its models, options, streams and log probabilities."""

import json
import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genbench
from genbench import scoring

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:llm", "ignore::DeprecationWarning:pydantic")
llm = pytest.importorskip("llm", reason="llm is an extra: pip install llm")

PROMPT = "The tide was"
LISTED = """
import sys, llm
from genbench.integrations import llm_models
llm.plugins.pm.register(llm_models)
print([model.model_id for model in llm.get_models() if model.model_id.startswith("genbench/")])
assert not {"torch", "numba", "nltk", "genbench_plugins"} & set(sys.modules)
"""


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Register the plugin, as its entry point does, and give llm a folder of its own."""
    from genbench.integrations import llm_models

    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    monkeypatch.setattr(sys, "_called_from_test", True, raising=False)  # llm loads no plugin of this machine
    name = llm.plugins.pm.register(llm_models)
    yield llm_models
    llm.plugins.pm.unregister(name=name)


@pytest.fixture
def stored() -> genbench.Model:
    """A stored model, and one of the same generator with more bits."""
    genbench.train("pell", "markov-char:order=1")
    return genbench.train("pell", "markov-char:order=3")


def test_the_best_model_of_an_author_and_a_generator_has_their_names(plugin: Any, stored: genbench.Model) -> None:
    model = llm.get_model("genbench/pell/markov-char")
    assert model.stored.name == stored.id
    assert llm.get_model(f"genbench/{stored.id}").stored.name == stored.id
    assert "markov-char:order=3" in str(model)


def test_without_models_there_are_none(plugin: Any) -> None:
    assert not [model for model in llm.get_models() if model.model_id.startswith("genbench/")]


def test_a_text_is_streamed_as_the_model_writes_it(plugin: Any, stored: genbench.Model) -> None:
    model = llm.get_model("genbench/pell/markov-char")
    pieces = list(model.prompt(PROMPT, length=60, temperature=0.5, top_k=5, seed=3))
    sampling = genbench.Sampling(60, 0.5, top_k=5)
    assert "".join(pieces) == stored.generate(PROMPT, sampling, seed=3)[0]
    assert len(pieces) > 1


def test_the_response_has_seed_and_log_probabilities(plugin: Any, stored: genbench.Model) -> None:
    """The log probabilities add up to the bits of the continuation, and the seed gives the same text again."""
    model = llm.get_model("genbench/pell/markov-char")
    response = model.prompt(PROMPT, length=60)
    text = response.text()
    described = response.json()
    tokens = described["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == text
    bits = scoring.score(stored.generator, PROMPT + text).character_bits[len(PROMPT) :].sum()
    assert -sum(token["logprob"] for token in tokens) / math.log(2) == pytest.approx(bits)
    assert described["spec"] == "markov-char:order=3"
    assert model.prompt(PROMPT, length=60, seed=described["seed"]).text() == text
    assert (response.usage().input, response.usage().output) == (len(PROMPT), len(tokens))


def test_without_a_prompt_a_paragraph_begins(plugin: Any, stored: genbench.Model) -> None:
    response = llm.get_model("genbench/pell/markov-char").prompt(length=40, seed=1)
    assert response.text() == stored.generate("", length=40, seed=1, sampling=genbench.Sampling())[0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"temperature": -1}, "temperature is -1.0, but must be 0 .greedy. or more"),
        ({"top_p": 2}, "top-p is 2.0"),
        ({"length": "much"}, "valid integer"),
        ({"temprature": 1}, "not permitted"),
    ],
)
def test_options_are_validated(options: dict[str, Any], reason: str, plugin: Any, stored: genbench.Model) -> None:
    with pytest.raises(ValueError, match=reason):
        llm.get_model("genbench/pell/markov-char").prompt(PROMPT, **options)


def test_instructions_are_refused(plugin: Any, stored: genbench.Model) -> None:
    model = llm.get_model("genbench/pell/markov-char")
    with pytest.raises(llm.ModelError, match="follows no instructions"):
        model.prompt(PROMPT, system="Be kind.").text()
    with pytest.raises(llm.ModelError, match="not valid text"):
        model.prompt("\ud800").text()


def test_the_command_logs_what_it_wrote(plugin: Any, stored: genbench.Model) -> None:
    from click.testing import CliRunner  # llm's own
    from llm.cli import cli

    words = ["-m", "genbench/pell/markov-char", PROMPT, "-o", "length", "30", "-o", "seed", "5", "--log"]
    written = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert written.output.strip() == stored.generate(PROMPT, length=30, seed=5)[0].strip()
    logged = json.loads(CliRunner().invoke(cli, ["logs", "--json"], catch_exceptions=False).output)
    assert logged[0]["response_json"]["seed"] == 5


@pytest.mark.slow
def test_listing_imports_neither_torch_nor_a_generator(stored: genbench.Model, tmp_path: Path) -> None:
    environment = os.environ | {"LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}
    command = [sys.executable, "-W", "ignore", "-c", LISTED]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert listed.stdout == "['genbench/pell/markov-char']\n", listed.stderr


def test_the_entry_point_is_the_plugin(plugin: Any) -> None:
    project = Path(__file__).parent.parent / "pyproject.toml"
    points = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"]
    assert points["llm"] == {"genbench": plugin.__name__}
