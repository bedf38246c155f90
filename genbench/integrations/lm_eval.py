"""lm-evaluation-harness: trained models as models of the harness, and test texts as tasks of it.

    python -m genbench.integrations.lm_eval --model genbench --model_args model=NAME --tasks genbench-pell
    python -m genbench.integrations.lm_eval --model hf --model_args pretrained=gpt2 --tasks genbench-pell

The command is `lm_eval` with the model `genbench`, and with a task `genbench-AUTHOR` for each author that --tasks
names. It is needed because the harness has no entry points: it finds the models that were registered before it runs.
In Python, importing this module registers the model, and `write_task` writes a task for `lm_eval --include_path`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import GenbenchError, UserError, missing_package
from genbench.experiments.pretrained import METADATA, PREFIX
from genbench.model import Model
from genbench.sampling.parameters import Sampling
from genbench.storage.names import plain_name

try:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
except ImportError as error:
    missing = missing_package("genbench.integrations.lm_eval", "lm_eval[hf]")
    if __name__ == "__main__":
        print(f"genbench: {missing}", file=sys.stderr)
        sys.exit(2)
    raise missing from error

MAX_NAME = 100  # bytes of an author in the name of a task
CHARACTERS_PER_TOKEN = 4  # of `max_gen_toks`, which counts the tokens of other models
MAX_TOKENS = 256  # the harness's own default for generation
SHARED = ("batch_size", "max_batch_size", "device")  # arguments that the harness gives every model


@register_model("genbench")
class GenbenchLM(LM):  # type: ignore[misc]
    """A trained model for the harness; `model` is a name of `genbench models list`, a folder or an author.

    Log-likelihoods are natural logarithms of the bits by which genbench ranks: by the character where a word model can
    compute them, else of its canonical tokens. Raises UserError for another argument, or where there is no such model.
    """

    def __init__(self, model: str | Model = "", **options: Any) -> None:
        super().__init__()
        unknown = sorted(options.keys() - set(SHARED))
        if unknown or not model:
            raise UserError(
                f"the model genbench of lm_eval takes model=NAME, and not {', '.join(unknown) or 'nothing'}; genbench "
                "models list shows the names"
            )
        self.trained = model if isinstance(model, Model) else _load(model)

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[float]:
        """Return the log-likelihood of each text, read as one stream from the start."""
        return [self._log_probability("", request.args[0]) for request in requests]

    def loglikelihood(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return the log-likelihood of each continuation after its context, and whether greedy sampling writes it."""
        answers = []
        for context, continuation in (request.args for request in requests):
            text = self.trained.generate(context, Sampling(length=len(continuation), temperature=0))[0]
            answers.append((self._log_probability(context, continuation), text.startswith(continuation)))
        return answers

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return a continuation of each context, up to the first of its stop texts; greedy unless `do_sample` is true.

        A token of `max_gen_toks` counts as four characters. The seed is 0.
        """
        return [self.trained.generate(context, _sampling(options))[0] for context, options in _arguments(requests)]

    def _log_probability(self, context: str, text: str) -> float:
        """Return the natural logarithm of the probability of a text after a context."""
        if not text:
            return 0.0
        return -log(2) * float(self.trained.score(context + text).character_bits[len(context) :].sum())


def _arguments(requests: Sequence[Instance]) -> list[tuple[str, dict[str, Any]]]:
    return [request.args for request in requests]


def _sampling(options: dict[str, Any]) -> Sampling:
    """Return the sampling parameters for the arguments of a task; those that only some models have are ignored."""
    until = options.get("until") or ()
    stops = tuple(filter(None, [until] if isinstance(until, str) else until))
    samples = options.get("do_sample", float(options.get("temperature") or 0) > 0)
    return Sampling(
        length=CHARACTERS_PER_TOKEN * int(options.get("max_gen_toks") or MAX_TOKENS),
        temperature=float(options.get("temperature") or 1) if samples else 0,
        top_k=options.get("top_k"),
        top_p=options.get("top_p"),
        stop=stops or None,
    )


def _load(name: str) -> Model:
    from genbench.training.choice import best_model

    stored = None if Path(name).is_dir() else best_model(name)
    return Model.load(name) if stored is None else Model.from_stored(stored)


def write_task(author: str | Path | Corpus, folder: str | Path) -> str:
    """Write the test text of an author as a task of the harness into a folder; return the name of the task.

    `lm_eval --include_path FOLDER --tasks NAME` scores any model on it in bits per byte, as one document. Its results
    say what text it is, so that `genbench leaderboard` can put them beside those of genbench. Raises CorpusError for
    a text that is not available.
    """
    corpus = load_corpus(author)
    name = task_name(corpus.author)
    target = Path(folder).resolve()
    target.mkdir(parents=True, exist_ok=True)

    # the text as the only document of a data set, and what it is
    test = str(corpus.test)
    (target / f"{name}.jsonl").write_text(json.dumps({"text": test}) + "\n", encoding="utf-8")
    about = {
        "author": corpus.author,
        "text": corpus.describe(),
        "sizes": {"characters": len(test), "bytes": len(test.encode()), "words": len(test.split())},
    }
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(target / f"{name}.jsonl")}},
        "output_type": "loglikelihood_rolling",
        "test_split": "test",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "bits_per_byte"}, {"metric": "byte_perplexity"}, {"metric": "word_perplexity"}],
        "metadata": {"version": 1.0, METADATA: about},
    }
    (target / f"{name}.yaml").write_text(json.dumps(task, indent=2) + "\n", encoding="utf-8")  # JSON is YAML
    return name


def task_name(author: str) -> str:
    """Return the name of the task with an author's test text."""
    return PREFIX + plain_name(author, MAX_NAME)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the harness's command line with the model and the tasks of genbench."""
    from lm_eval.__main__ import cli_evaluate

    words = sys.argv[1:] if arguments is None else arguments
    with tempfile.TemporaryDirectory() as folder:
        try:
            sys.argv = ["lm_eval", *with_tasks(words, Path(folder))]
            cli_evaluate()
        except GenbenchError as error:
            print(f"genbench: {error}", file=sys.stderr)
            sys.exit(2)


def with_tasks(words: Sequence[str], folder: Path) -> list[str]:
    """Return the arguments with the file of a task for each task of genbench that --tasks names."""
    result, option = [], ""
    for word in words:
        names = word
        if word.startswith("-"):
            option, equals, names = word.partition("=")
        if option in ("--tasks", "-t"):
            files = ",".join(_task_file(name, folder) for name in names.split(","))
            word = files if names is word else option + equals + files
        result.append(word)
    return result


def _task_file(name: str, folder: Path) -> str:
    """Return the path of the file of a task of genbench, which the harness reads; another name as it is."""
    author = name.removeprefix(PREFIX)
    if author == name:
        return name
    if not author:
        raise UserError(f"the task {name} names no author: {PREFIX}AUTHOR; genbench corpora list shows the authors")
    return str(folder / f"{write_task(author, folder)}.yaml")


if __name__ == "__main__":
    main()
