"""The playground page: its numbers in headless Chromium beside those of Python, its parts, and what is refused."""

import html
import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from test_browser import Browser
from test_cli import run

import genbench
from genbench import UserError, api
from genbench.cli.playground import warn_of_own_text
from genbench.corpus.corpus import Corpus
from genbench.generator import Text, TrainContext
from genbench.model import Model
from genbench.registry import create
from genbench.report.html.passages import passages
from genbench.report.html.playground import MAX_PAGE_BYTES, PlaygroundPage, playground_page, runnable_specs
from genbench.storage.cards import Snapshot

SPECS = ("markov-char", "lstm-char:hidden=32", "gru-char:hidden=16", "rnn-char:hidden=16")
HARM = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
CONTEXTS = 200
SECONDS = 120.0  # for the page to answer


def train(spec: str, corpus: Corpus) -> Model:
    generator = create(spec)
    generator.fit(corpus.train, corpus.valid, TrainContext(steps=60))
    return Model(generator)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return genbench.corpus("thorne")


@pytest.fixture(scope="module")
def page(corpus: Corpus) -> PlaygroundPage:
    return playground_page({spec: train(spec, corpus) for spec in SPECS}, corpus)


@pytest.fixture(scope="module")
def chain_page(corpus: Corpus) -> PlaygroundPage:
    return playground_page({HARM: train("markov-char:order=3", corpus)}, corpus, [f"{HARM} is not on the page."])


def data_of(page: str, name: str) -> Any:
    """Return the JSON in an element of a page."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_hostile_name_is_text_and_the_policy_allows_no_network(chain_page: PlaygroundPage) -> None:
    written = chain_page.html
    assert "<script>alert" not in written
    assert "<img" not in written
    assert data_of(written, "facts")["models"][0]["label"] == HARM
    assert "default-src 'none'" in written
    assert "worker-src blob:" in written
    assert not re.search(r'(src|href)="(?!#)', written)


def test_the_scripts_are_files_that_can_be_read() -> None:
    folder = Path(genbench.__file__).parent / "report/html/templates/playground"
    files = sorted(folder.glob("*.js"))
    assert len(files) >= 10
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, file
        assert lines[0].startswith("// "), file
        assert max(map(len, lines)) <= 160, file


def test_the_page_says_what_pruning_and_rounding_cost(page: PlaygroundPage) -> None:
    assert list(page.models) == list(SPECS)
    facts = data_of(page.html, "facts")["models"]
    for fact, packed in zip(facts, page.models.values(), strict=True):
        assert packed.cost <= 0.05
        assert fact["cost"] == f"{packed.packed_bits - packed.bits:+z.3f}"
        assert fact["cost"] in page.html
    assert len(page.html.encode()) < MAX_PAGE_BYTES


@pytest.mark.slow
def test_a_large_text_leaves_the_page_small(corpus: Corpus) -> None:
    letters = np.random.default_rng(0).integers(97, 123, 1_200_000).astype(np.uint8).tobytes().decode()
    large = replace(corpus, train=Text(letters))
    written = playground_page({"chain": train("markov-char:order=3", corpus)}, large).html
    assert len(written.encode()) < MAX_PAGE_BYTES
    assert "of the training text are in the page" in written


def test_passages_of_the_game_are_held_out_and_not_shown_elsewhere(corpus: Corpus, page: PlaygroundPage) -> None:
    human = data_of(page.html, "facts")["human"]
    valid = " ".join(str(corpus.valid).split())
    assert len(human) >= 5
    assert all(passage in valid for passage in human)
    chips = [html.unescape(text).strip() for text in re.findall(r'data-beginning="([^"]*)"', page.html)]
    assert len(chips) == 3
    assert not any(chip in passage for chip in chips for passage in human)


SCRIPTS = {
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06a9\u062a\u0627\u0628 \u0631\u0627. ",
    "Chinese": "\u5929\u5730\u7384\u9ec4\u5b87\u5b99\u6d2a\u8352\u65e5\u6708\u3002",
    "Hindi": "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0932\u093f\u0916\u093e \u0939\u0948\u0964 ",
    "verse": "the sea and the wind\nand the lamp of the house\n",
    "DNA": "ACGTTGCAAC",
    "marks": "e\u0323\u0301o\u0308",
}


@pytest.mark.parametrize("unit", SCRIPTS.values(), ids=SCRIPTS)
def test_texts_of_all_scripts_have_passages(unit: str) -> None:
    text = unit * 200
    chosen = passages(text, 60)
    assert len(chosen) >= 3
    assert sum(map(len, chosen)) <= len(text)
    for passage in chosen:
        assert 15 <= len(passage) <= 60
        assert passage in " ".join(text.split())
        assert not regex.match(r"\p{M}", passage)
    assert not passages("too short", 60)


def test_hidden_characters_are_in_no_passage() -> None:
    chosen = passages("It was.\n\nShe had\u202e gone away from it all.\n\n" * 50, 30)
    assert chosen
    assert not any("\u202e" in passage for passage in chosen)


def test_a_page_has_at_most_four_models() -> None:
    specs = [f"markov-char:order={order}" for order in range(2, 7)]
    runnable, refused = runnable_specs(specs)
    assert runnable == specs[:4]  # the fifth is not trained
    assert refused == ["markov-char:order=6 is not on the page: a page has at most 4 models."]


def test_a_page_of_the_users_text_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("Dear diary", encoding="utf-8")
    for author, warned in (("thorne", False), ("2*thorne+pell", False), (str(path), True), (f"thorne+{path}", True)):
        warn_of_own_text(author)
        assert ("if that text is private" in capsys.readouterr().err) == warned


def test_a_text_without_passages_has_no_game(corpus: Corpus) -> None:
    short = replace(corpus, valid=Text("Too short for a passage."))
    written = playground_page({"chain": train("markov-char:order=2", corpus)}, short).html
    assert "too short for passages" in written
    assert 'class="answer"' not in written


def test_the_page_shows_what_a_network_wrote_as_it_learned(corpus: Corpus, chain_page: PlaygroundPage) -> None:
    card = genbench.train(corpus, "lstm-char:hidden=8", steps=5).card
    assert card is not None
    texts = [Snapshot(seconds, 10, 0.25, 3.5, "It was", f" <b>{seconds}") for seconds in (1, 5)]
    model = train("lstm-char:hidden=8", corpus)
    model = replace(model, card=replace(card, training=replace(card.training, snapshots=texts)))
    written = playground_page({"lstm-char": model}, corpus).html
    assert all(f"&lt;b&gt;{snapshot.seconds}</div>" in written for snapshot in texts)
    assert 'href="#learned"' in written
    assert 'href="#learned"' not in chain_page.html  # a chain counts


def test_generators_that_a_page_cannot_run_get_one_sentence(corpus: Corpus) -> None:
    runnable, refused = runnable_specs(["markov-char", "lstm-word", "markov-char", "mixture"])
    assert runnable == ["markov-char"]
    assert [sentence.split(" is not")[0] for sentence in refused] == ["lstm-word", "mixture"]
    with pytest.raises(UserError, match="its tokens are words, and a page runs generators of characters"):
        runnable_specs(["lstm-word"])
    with pytest.raises(UserError, match="a page runs one chain, or one LSTM"):
        api.playground({"words": train("markov-word", corpus)}, corpus)


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_refused_with_its_size(corpus: Corpus) -> None:
    network = create("lstm-char:hidden=900")
    network.fit(Text("abc" * 9), Text("abc"), TrainContext(steps=1))
    made = playground_page({"large": Model(network), "chain": train("markov-char", corpus)}, corpus)
    assert list(made.models) == ["chain"]
    assert re.search(r"large is not on the page: it takes \d\.\d MB", made.refused[0])
    assert made.refused[0] in made.html


def test_the_commands_write_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play, exported = tmp_path / "play.html", tmp_path / "one.html"
    assert run(monkeypatch, *["playground", "thorne", "-g", "markov-char", "-g", "markov-word", "-o"], str(play)) == 0
    printed = " ".join(capsys.readouterr().err.split())
    assert "markov-word is not on the page" in printed
    assert "bits per character: markov-char" in printed
    assert run(monkeypatch, "models", "export", "thorne", str(exported), "-g", "markov-char", "--web") == 0
    assert data_of(play.read_text("utf-8"), "data") == data_of(exported.read_text("utf-8"), "data")


@pytest.mark.slow
def test_compare_writes_the_page_of_its_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play = tmp_path / "play.html"
    arguments = [
        "-g",
        "markov-char:order=3",
        "-g",
        "markov-char:order=4",
        "--length",
        "0",
        "--seeds",
        "2",
        "--playground",
        str(play),
    ]
    assert run(monkeypatch, "compare", "thorne", *arguments) == 0
    labels = [fact["label"] for fact in data_of(play.read_text("utf-8"), "facts")["models"]]
    assert len(labels) == 2
    assert run(monkeypatch, "compare", "thorne", "pell", *arguments) == 2
    assert "one author" in capsys.readouterr().err


class Playground:
    """The page in a browser; questions go to its worker."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, theme: str = "light") -> None:
        self.browser, self.path = browser, path
        browser.requested()
        browser.show(path, width, theme)
        self.wait_for("document.documentElement.dataset.ready")

    def run(self, script: str) -> Any:
        return self.browser.run(script)

    def wait_for(self, condition: str) -> None:
        end = time.monotonic() + SECONDS
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def ask(self, kind: str, **values: Any) -> Any:
        """Return the worker's answer to a question."""
        script = "playground.ask(arguments[0], arguments[1]).then(arguments[2])"
        return self.browser.driver.execute_async_script(script, kind, values)

    def texts(self, selector: str) -> list[str]:
        return [str(element.text) for element in self.browser.all(selector)]

    def click(self, selector: str) -> None:
        self.browser.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def set(self, selector: str, value: object) -> None:
        """Type a value into a field."""
        script = "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
        script += "field.dispatchEvent(new Event('input', { bubbles: true }))"
        self.browser.driver.execute_script(script, selector, str(value))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = Browser(tmp_path_factory.mktemp("profile"))
    chromium.driver.set_script_timeout(SECONDS)
    yield chromium
    chromium.driver.quit()


@pytest.fixture(scope="module")
def path(page: PlaygroundPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("playground") / "play.html"
    path.write_text(page.html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def playground(browser: Browser, path: Path) -> Playground:
    return Playground(browser, path)


def contexts(corpus: Corpus) -> list[str]:
    """Return contexts of 0 to 59 characters of the test text, some with characters that no model knows."""
    text, rng = str(corpus.test), np.random.default_rng(1)
    starts = rng.integers(len(text) - 60, size=CONTEXTS)
    lengths = rng.integers(60, size=CONTEXTS)
    found = [text[start : start + length] for start, length in zip(starts, lengths, strict=True)]
    return [*found[:-2], "caf\u00e9 \U0001d11e", ""]


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(SPECS)), ids=SPECS)
def test_the_distributions_are_those_of_python(
    playground: Playground, page: PlaygroundPage, corpus: Corpus, index: int
) -> None:
    packed: Any = list(page.models.values())[index].model
    texts = contexts(corpus)
    found = playground.ask("distributions", index=index, texts=texts)
    tokenizer = create("markov-char").build_tokenizer(corpus.train)  # type: ignore[attr-defined]
    for text, log_probs in zip(texts, found, strict=True):
        state = packed.start()
        for token in tokenizer.encode(f"\n{text}").tolist():
            state = packed.advance(state, token)
        assert np.abs(np.array(log_probs) - packed.log_probs(state)).max() <= 1e-3
        assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
def test_the_surprisal_of_a_text_is_that_of_python(
    playground: Playground, page: PlaygroundPage, corpus: Corpus
) -> None:
    text = str(corpus.test)[:300]
    bits = playground.ask("surprisal", text=text, order=99)
    tokenizer = create("markov-char").build_tokenizer(corpus.train)  # type: ignore[attr-defined]
    for own, packed in zip(bits, page.models.values(), strict=True):
        model: Any = packed.model
        state = model.start()
        for token in tokenizer.encode("\n").tolist():
            state = model.advance(state, token)
        nats = model.token_log_probs(tokenizer.encode(text), state)
        assert sum(own) == pytest.approx(-nats.sum() / math.log(2), abs=1e-3)


@pytest.mark.slow
def test_the_controls_are_those_of_the_program(playground: Playground, corpus: Corpus) -> None:
    from genbench import Sampling
    from genbench.sampling.step import _truncate

    log_probs = np.array(playground.ask("distributions", index=0, texts=["the "])[0])[256:]
    for temperature, top_k, top_p, min_p in ((1.0, 0, 1, 0), (0.7, 5, 1, 0), (1.3, 0, 0.6, 0), (0.9, 12, 0.9, 0.1)):
        controls = {"temperature": temperature, "topK": top_k, "topP": top_p, "minP": min_p, "order": 99}
        step = playground.ask("step", texts=["the "] * len(SPECS), controls=controls, seed=1, number=0)[0]
        weights = _truncate(
            np.exp(log_probs / temperature), Sampling(top_k=top_k or None, top_p=top_p, min_p=min_p or None)
        )
        expected = np.sort(weights / weights.sum())[::-1]
        assert step["after"] == pytest.approx(expected.tolist(), abs=1e-9)
        assert np.searchsorted(np.cumsum(step["after"]), step["random"], side="right") == step["place"]


@pytest.mark.slow
def test_leaving_a_character_out_changes_the_bits_as_computed_here(
    playground: Playground, page: PlaygroundPage, corpus: Corpus
) -> None:
    text = str(corpus.test)[:25]
    network: Any = page.models[SPECS[1]].model
    tokenizer = create("markov-char").build_tokenizer(corpus.train)  # type: ignore[attr-defined]

    def bits(before: str) -> float:
        state = network.start()
        for token in tokenizer.encode(f"\n{before}").tolist():
            state = network.advance(state, token)
        return float(-network.log_probs(state)[tokenizer.encode(text[20])[0]] / math.log(2))

    answer = playground.ask("connect", index=1, text=text, at=20, order=99)
    assert answer["bits"] == pytest.approx(bits(text[:20]), abs=1e-4)
    for left, change in enumerate(answer["changes"]):
        assert change == pytest.approx(bits(text[:left] + text[left + 1 : 20]) - bits(text[:20]), abs=1e-4)


@pytest.mark.slow
def test_the_chain_shows_what_followed_in_the_book(playground: Playground, corpus: Corpus) -> None:
    train, controls = str(corpus.train), {"temperature": 1, "topP": 1}
    step = playground.ask("step", texts=["he said that the"] * len(SPECS), controls=controls, seed=1, number=0)
    contexts = [level["context"] for level in step[0]["contexts"]]
    assert [len(context) for context in contexts] == sorted(map(len, contexts), reverse=True)
    assert contexts[0].endswith("the")
    assert contexts[-1] == ""
    assert step[0]["contexts"][-1]["total"] == len(train)
    for level in step[0]["contexts"][:-1]:
        context = level["context"]
        places = [match.start() + len(context) for match in re.finditer(f"(?={re.escape(context)}.)", train, re.S)]
        after = Counter(train[place] for place in places)
        assert level["total"] == after.total()
        assert all(after[follower["character"]] == follower["count"] for follower in level["followers"])
        passages = [passage["context"] + passage["next"] for passage in level["passages"]]
        assert passages
        assert all(passage in train for passage in passages)


@pytest.mark.slow
def test_the_models_write_side_by_side_and_the_same_seed_writes_the_same(browser: Browser, path: Path) -> None:
    playground = Playground(browser, path)
    playground.set("#speed", 0)
    written = []
    for seed in (3, 3, 4):
        playground.set("#seed", seed)
        time.sleep(0.4)  # the page writes a quarter of a second after a seed was typed
        playground.set("#beginning", "The keeper ")
        playground.click("#go")
        playground.wait_for("document.querySelector('#stop').disabled")
        written.append([element.get_attribute("textContent") for element in browser.all(".output")])
    assert all(len(text) == 611 and text.startswith("The keeper ") for text in written[0])
    assert len(set(written[0])) == len(SPECS)
    assert written[0] == written[1] != written[2]
    assert browser.requested()[:1] == [path.as_uri()]
    assert not browser.console_messages()


@pytest.mark.slow
def test_a_step_writes_the_character_that_was_drawn(browser: Browser, path: Path) -> None:
    playground = Playground(browser, path)
    playground.click("#stop")
    playground.set("#beginning", "She ")
    playground.wait_for("document.querySelector('.stepper .tail').textContent.startsWith('She')")
    playground.wait_for("document.querySelectorAll('.stepper .strip .chosen').length === 4")
    drawn = [text.split("“")[-1].split("”")[0] for text in playground.texts(".draw")]
    playground.click("#next")
    playground.wait_for("document.querySelector('.stepper .tail').textContent.length === 6")
    tails = [str(element.get_attribute("textContent")) for element in browser.all(".stepper .tail")]
    assert tails == [f"She {character.replace('␣', ' ').replace('↵', chr(10))}▍" for character in drawn]
    assert len(browser.all(".levels tbody tr")) >= 3
    assert len(browser.all(".unit svg")) == 9


@pytest.mark.slow
def test_the_keyboard_shows_what_a_character_depended_on(browser: Browser, path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    playground = Playground(browser, path)
    playground.click("#stop")
    playground.set("#beginning", "The lamp was lit and the keeper")
    playground.set("#speed", 0)
    playground.click("#go")
    playground.wait_for("document.querySelector('#stop').disabled")
    for index, mark in ((0, ".used"), (1, ".helped, .hindered")):
        playground.run(f"document.querySelectorAll('.output')[{index}].focus()")
        browser.press(*[Keys.ARROW_RIGHT] * 30)
        playground.wait_for(f"document.querySelectorAll('.output')[{index}].querySelector('{mark}')")
        assert "cost" in playground.texts(".writer .foot")[index]
        assert playground.run("document.querySelector('#spoken').textContent").startswith("“")


@pytest.mark.slow
def test_the_game_counts_right_guesses(browser: Browser, path: Path) -> None:
    playground = Playground(browser, path)
    right = 0
    for _ in range(3):
        playground.wait_for("!document.querySelector('.answer').disabled")
        assert len(playground.texts("#passage")[0]) > 40
        playground.click(".answer")
        (verdict,) = playground.texts("#verdict")
        right += verdict.startswith("Right")
        assert len(browser.all(".answer.right")) == 1
        playground.click("#another")
    assert f"{right} of 3 right" in playground.texts("#score")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_nothing_is_wider_than_the_window(browser: Browser, path: Path, width: int, theme: str) -> None:
    playground = Playground(browser, path, width, theme)
    assert playground.run("document.documentElement.scrollWidth") <= width
    fields = "[...document.querySelectorAll('button, input, select, textarea')]"
    named = "field.labels?.length || field.getAttribute('aria-label') || field.textContent.trim()"
    assert playground.run(f"{fields}.filter((field) => !({named})).length") == 0
    small = "[...document.querySelectorAll('.actions button, .answer')].filter((button) => button.offsetParent && "
    small += "button.getBoundingClientRect().height < 24).length"
    assert playground.run(small) == 0


@pytest.mark.slow
def test_hostile_names_do_nothing(browser: Browser, chain_page: PlaygroundPage, tmp_path: Path) -> None:
    from selenium.webdriver.support.expected_conditions import alert_is_present

    path = tmp_path / "hostile.html"
    path.write_text(chain_page.html, encoding="utf-8")
    playground = Playground(browser, path)
    playground.wait_for("!document.querySelector('.answer').disabled")
    assert not alert_is_present()(browser.driver)
    assert playground.run("document.images.length") == 0
    assert not browser.console_messages()


PERSIAN = SCRIPTS["Persian"]


@pytest.fixture(scope="module")
def persian(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page of a chain and a network of a text from right to left, with joiners."""
    text = Text(PERSIAN * 60)
    own = replace(corpus, train=text, valid=text, test=text)
    path = tmp_path_factory.mktemp("persian") / "play.html"
    models = {spec: train(spec, own) for spec in ("markov-char:order=4", "gru-char:hidden=8")}
    path.write_text(playground_page(models, own).html, encoding="utf-8")
    return path


@pytest.mark.slow
def test_right_to_left_text_and_joiners_can_be_read(browser: Browser, persian: Path) -> None:
    playground = Playground(browser, persian)
    for selector in (".output", ".tail", ".read", "#beginning", "#typed"):
        assert playground.run(f"getComputedStyle(document.querySelector('{selector}')).direction") == "rtl"
    playground.set("#beginning", "\u0645\u06cc")
    playground.wait_for("document.querySelector('.stepper .name')?.textContent === 'ZWNJ'")
    assert playground.run("[...document.querySelectorAll('.stepper .name')].every((name) => name.textContent.trim())")
    assert not browser.console_messages()


@pytest.mark.slow
def test_a_slider_writes_the_texts_again_and_leaves_the_stepper(browser: Browser, path: Path) -> None:
    playground = Playground(browser, path)
    playground.set("#speed", 0)
    playground.set("#beginning", "She ")
    playground.click("#go")
    playground.wait_for("document.querySelector('#stop').disabled && document.querySelector('.levels')")
    before = playground.texts(".output")
    playground.click("#next")
    playground.wait_for("document.querySelector('.stepper .tail').textContent.length === 6")
    playground.set("#temperature", 0)
    playground.wait_for("!document.querySelector('#stop').disabled")
    playground.wait_for("document.querySelector('#stop').disabled")
    assert playground.texts(".output") != before
    assert playground.run("document.querySelector('.stepper .tail').textContent.length") == 6


@pytest.mark.slow
def test_fields_say_what_they_leave_out_and_correct_the_seed(playground: Playground) -> None:
    playground.set("#typed", "long text " * 150)
    assert "holds 1,500 characters" in playground.texts("#surprise .full")[0]
    playground.set("#typed", "short")
    assert playground.texts("#surprise .full") == [""]
    for seed, used in ((-5, "0"), (1e9, "999999"), (1.7, "1")):
        playground.set("#seed", seed)
        playground.run("document.querySelector('#seed').dispatchEvent(new Event('change'))")
        assert playground.run("document.querySelector('#seed').value") == used


@pytest.mark.slow
def test_pressing_a_context_keeps_the_focus_and_nothing_chatters(browser: Browser, path: Path) -> None:
    playground = Playground(browser, path)
    playground.wait_for("document.querySelectorAll('.levels button').length > 1 && document.querySelector('.units')")
    playground.run("document.querySelectorAll('.levels button')[1].focus()")
    context = playground.run("document.activeElement.textContent")
    playground.click(".levels tr:nth-child(2) button")
    assert playground.run("document.activeElement.textContent") == context
    assert playground.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    live = (
        "[...document.querySelectorAll('[aria-live], [role=status]')].map((element) => element.id || element.className)"
    )
    assert set(playground.run(live)) == {"spoken", "loading", "verdict", "full"}


@pytest.mark.slow
def test_a_page_without_a_worker_says_so(browser: Browser, path: Path) -> None:
    source = "window.Worker = class { constructor() { throw new Error('no workers') } }"
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    try:
        browser.show(path)
        assert "cannot run in this browser: no workers" in browser.all("#loading")[0].text
        assert not browser.console_messages()
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const color = (text) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (rgb) => rgb.map((value) => value / 255)
  .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
const ground = (element) => {
  const own = color(getComputedStyle(element).backgroundColor), share = own[3] / 255;
  if (share === 1 || !element.parentElement) return own.slice(0, 3);
  const below = ground(element.parentElement);
  return below.map((value, at) => own[at] * share + value * (1 - share));
};
const low = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !element.checkVisibility() || element.closest("script, svg, .unseen, :disabled")) continue;
  const [a, b] = [color(getComputedStyle(element).color).slice(0, 3), ground(element)].map(luminance);
  if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) low.push(`${element.tagName}.${element.className}`);
}
return low;
"""


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_texts_stand_out(browser: Browser, path: Path, theme: str) -> None:
    playground = Playground(browser, path, theme=theme)
    playground.set("#speed", 0)
    playground.click("#go")
    playground.wait_for("document.querySelector('#stop').disabled && document.querySelector('.unit svg')")
    for index, mark in ((0, ".used"), (1, ".helped, .hindered")):
        for place in (9, 60):
            box = f"document.querySelectorAll('.output')[{index}]"
            over = "new PointerEvent('pointerover', { bubbles: true })"
            playground.run(f"{box}.querySelectorAll('.c')[{place}].dispatchEvent({over})")
            playground.wait_for(f"{box}.querySelectorAll('.c')[{place}].matches('.at')")
            playground.wait_for(f"{box}.querySelector('{mark}')")
            assert browser.driver.execute_script(CONTRAST) == []
