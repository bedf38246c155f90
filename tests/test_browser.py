"""The pages in headless Chromium: switches, keyboard, console, and hostile strings.

Skipped where Chromium or its driver is not installed (Debian: chromium, chromium-driver), unless
GENBENCH_REQUIRE_BROWSER is set.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest

from genbench.report.export import files
from genbench.report.html import comparison_page, surprisal_page

pytestmark = pytest.mark.slow
ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def find_browser() -> tuple[str, str]:
    """Return the paths of Chromium and its driver; skip the test, or fail it if a browser is required."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        if os.environ.get("GENBENCH_REQUIRE_BROWSER"):
            pytest.fail("GENBENCH_REQUIRE_BROWSER is set and there is no Chromium, or no chromedriver, on the PATH")
        pytest.skip("no Chromium with chromedriver on the PATH (Debian: apt install chromium chromium-driver)")
    return browser, driver


class Browser:
    """A browser for all tests of this file."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        browser, driver = find_browser()
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for argument in [*ARGUMENTS.split(), f"--user-data-dir={profile}"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))

    def show(self, file: Path, width: int = 1280, theme: str = "light", script: bool = True) -> None:
        """Open a page in a window of this width, with this preferred theme."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        preferred = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.console_messages()
        self.driver.get(file.as_uri())

    def console_messages(self) -> list[Any]:
        """Return the messages on the console since the last call."""
        messages: list[Any] = self.driver.get_log("browser")
        return messages

    def requested(self) -> list[str]:
        """Return the addresses that were requested since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        requests = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [parameters["request"]["url"] for parameters in requests]

    def run(self, script: str) -> Any:
        """Return the value of a script in the page."""
        return self.driver.execute_script(f"return {script}")

    def all(self, selector: str) -> list[Any]:
        """Return the elements for a CSS selector."""
        elements: list[Any] = self.driver.find_elements("css selector", selector)
        return elements

    def shown(self, selector: str) -> list[Any]:
        """Return those of them that are displayed."""
        return [element for element in self.all(selector) if element.is_displayed()]

    def choose(self, kind: str, value: int) -> None:
        """Click on the label of a switch."""
        self.all(f'input[name="{kind}"][value="{value}"]')[0].find_element("xpath", "..").click()

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = Browser(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    files.write_text(comparison_page(pages.complete_comparison()), path)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    files.write_text(comparison_page(pages.hostile_comparison()), folder / "report.html")
    report = pages.surprisal_report(pages.HARM, pages.HARM, tuple(pages.HOSTILE), pages.HARM)
    files.write_text(surprisal_page(report), folder / "surprisal.html")
    return [folder / "report.html", folder / "surprisal.html"]


def test_the_switches_choose_the_samples(browser: Browser, report: Path) -> None:
    browser.show(report)
    assert len(browser.shown(".sample")) == 3
    browser.choose("author", 1)
    browser.choose("temperature", 1)
    browser.choose("prompt", 1)
    texts = [element.text for element in browser.shown(".sample .text")]
    assert [text.split(" She")[0] for text in texts] == ["It wasmarkov-char 1.0 It was", "It waslstm-char 1.0 It was"]
    browser.choose("generator", 1)
    assert len(browser.shown(".sample")) == 1
    assert not browser.console_messages()


def test_the_bits_of_a_word_are_shown_to_pointer_keyboard_and_eye(browser: Browser, report: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.show(report)
    word = browser.shown(".sample .w")[3]
    ActionChains(browser.driver).move_to_element(word).perform()
    (tip,) = browser.shown("#tip")
    assert tip.text == f"{word.get_attribute('data-b')} bits"
    browser.run("document.querySelector('.sample:not([hidden]) .text').focus()")
    browser.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    second = browser.shown(".sample .w")[1]
    spoken = browser.run("document.querySelector('#spoken').textContent")
    assert spoken == f"{second.text}: {second.get_attribute('data-b')} bits"
    assert "at" in str(second.get_attribute("class")).split()
    browser.press(Keys.ESCAPE)
    assert not browser.shown("#tip")
    bits = "getComputedStyle(document.querySelector('.sample .w'), '::after').content"
    assert browser.run(bits) == "none"
    browser.all("#bits")[0].click()
    assert browser.run(bits) != "none"


def test_everything_can_be_reached_with_the_keyboard(browser: Browser, report: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.show(report)
    reached = []
    for _ in range(99):
        browser.press(Keys.TAB)
        if browser.run("document.activeElement === document.body"):
            break
        reached.append(browser.run("document.activeElement.id || document.activeElement.name"))
        assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert {"theme", "author", "temperature", "prompt", "generator", "bits"} <= set(reached)
    browser.run("document.querySelector('input[name=author]').focus()")
    browser.press(Keys.ARROW_RIGHT)
    assert {sample.get_attribute("data-author") for sample in browser.shown(".sample")} == {"1"}


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True)])
def test_the_theme_is_the_preferred_one_until_it_is_switched(
    browser: Browser, report: Path, theme: str, dark: bool
) -> None:
    browser.show(report, theme=theme)
    ground = "getComputedStyle(document.body).backgroundColor === 'rgb(18, 19, 23)'"
    line = "getComputedStyle(document.querySelector('.chart .stroke-0')).stroke === 'rgb(88, 166, 240)'"
    assert browser.run(ground) == browser.run(line) == dark
    browser.all("#theme")[0].click()
    assert browser.run(ground) == browser.run(line) == (not dark)
    assert browser.all("#theme")[0].get_attribute("aria-pressed") == str(not dark).lower()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser: Browser, report: Path, hostile: list[Path], width: int) -> None:
    for path in (report, *hostile):
        browser.show(path, width)
        assert browser.run("document.documentElement.scrollWidth") <= width


def test_one_switch_chooses_the_author_of_the_whole_page(browser: Browser, report: Path) -> None:
    browser.show(report)
    for number in (1, 0):
        browser.choose("author", number)
        shown = {element.get_attribute("data-author") for element in browser.shown("[data-author]")}
        assert shown == {str(number)}
    assert len(browser.shown(".result")) == 1
    browser.show(report, width=390)
    for element in browser.shown(".bar form, .bar nav a"):
        assert element.rect["x"] + element.rect["width"] <= 390  # at once, without scrolling the bar
    browser.show(report)
    browser.run("window.scrollTo(0, 3000)")
    assert browser.run("document.querySelector('.bar').getBoundingClientRect().top") == 0
    assert not browser.console_messages()


def test_only_prompts_of_the_chosen_author_are_offered(browser: Browser, tmp_path: Path) -> None:
    rows = [
        pages.row(author, "g", 1.7, samples=[pages.sample("Text " * 9, 0.8, prompt) for prompt in prompts])
        for author, prompts in (("austen", ["It was", "She"]), ("carroll", ["Alice", "Off"]))
    ]
    path = tmp_path / "prompts.html"
    files.write_text(comparison_page(pages.comparison(*rows)), path)
    browser.show(path)
    for author, prompts in ((0, ["It was", "She"]), (1, ["Alice", "Off"])):
        browser.choose("author", author)
        assert [label.text for label in browser.shown("[data-switch=prompt] label")] == prompts
        assert len(browser.shown(".sample")) == 1


def test_texts_tables_and_the_command_can_be_copied(browser: Browser, report: Path) -> None:
    browser.show(report)
    browser.driver.execute_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    copied = ((".card .tool", "lstm-word 0.5  She had no idea"), ("article > .tools .tool", "generator\tbits/char\t"))
    for selector, expected in copied:
        button = browser.shown(selector)[0]
        browser.driver.execute_script("arguments[0].click()", button)
        assert button.text == "Copied"
        assert browser.run("window.copied").startswith(expected)
    browser.driver.execute_script("document.querySelector('code.command + .tool').click()")
    assert browser.run("window.copied") == "genbench compare"


@pytest.mark.parametrize(("kind", "start"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_a_chart_is_saved_in_the_colors_of_the_page(
    browser: Browser, report: Path, tmp_path: Path, kind: str, start: bytes
) -> None:
    from processes import wait_for

    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.show(report, theme="dark")
    (button,) = browser.shown(f'[aria-label="{kind}: austen: who predicts best"]')
    browser.driver.execute_script("arguments[0].click()", button)
    saved = tmp_path / f"ranking-0.{kind.lower()}"
    wait_for(lambda: saved.exists() and saved.stat().st_size > 0)
    assert saved.read_bytes().startswith(start)
    if kind == "SVG":
        text = saved.read_text(encoding="utf-8")
        assert "rgb(88, 166, 240)" in text  # the first series in the dark theme
        assert "class=" not in text.split(">", 1)[1]
    assert not browser.console_messages()


def test_a_table_that_is_too_wide_says_that_it_scrolls(browser: Browser, report: Path) -> None:
    hint = "getComputedStyle(document.querySelector('#ranking article > .box'), '::before').content"
    for width, scrolls in ((1280, False), (390, True)):
        browser.show(report, width)
        assert ("scroll" in browser.run(hint)) == scrolls


def test_without_script_every_sample_can_be_read(browser: Browser, report: Path) -> None:
    browser.show(report, script=False)
    assert len(browser.all(".sample")) == len(browser.shown(".sample")) == 20
    assert not browser.shown("#theme, .switches, .switch")


def test_hostile_strings_do_nothing_and_request_nothing(browser: Browser, hostile: list[Path]) -> None:
    from selenium.webdriver.support.expected_conditions import alert_is_present

    for path in hostile:
        browser.requested()
        browser.show(path)
        assert not alert_is_present()(browser.driver)
        assert browser.requested() == [path.as_uri()]
        assert not browser.console_messages()
        assert browser.run("document.querySelectorAll('img, a[href]:not([href^=\"#\"]), [onmouseover]').length") == 0
        assert browser.run("document.scripts.length") == 1
        for element in browser.shown(".sample .text, .reading .text")[:2]:
            element.click()
        assert not alert_is_present()(browser.driver)


def test_the_policy_blocks_injected_scripts(browser: Browser, report: Path, tmp_path: Path) -> None:
    path = tmp_path / "changed.html"
    injected = '<script>document.title = "changed"</script><img src="https://example.org/x" onerror="document.title=1">'
    path.write_text(report.read_text(encoding="utf-8").replace("<main>", f"<main>{injected}"), encoding="utf-8")
    browser.show(path)
    assert browser.driver.title.endswith("genbench")
    assert len(browser.console_messages()) >= 2


def test_a_word_is_shown_in_all_columns_at_once(browser: Browser, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    path = tmp_path / "surprisal.html"
    files.write_text(surprisal_page(pages.surprisal_report()), path)
    browser.show(path)
    ActionChains(browser.driver).move_to_element(browser.shown(".reading .w")[2]).perform()
    assert [word.text for word in browser.shown(".w.at")] == ["no", "no"]
    assert browser.shown("#tip")[0].text == "3.0 · 6.0 bits"
    assert not browser.console_messages()
