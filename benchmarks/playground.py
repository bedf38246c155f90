"""Measure how fast the playground page writes in headless Chromium, by cell and units.

    python benchmarks/playground.py

Networks are trained for one step: their speed does not depend on what they know. The clock of the page counts what one
model takes alone; "a CPU second" is one of all processes of the browser, so that another load does not matter.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

import genbench
from genbench.generator import TrainContext
from genbench.model import Model
from genbench.registry import create
from genbench.report.html.playground import playground_page

SPECS = ("markov-char", "lstm-char:hidden=256", "lstm-char:hidden=512", "gru-char:hidden=256", "rnn-char:hidden=256")
CHARACTERS = 2000
READY = "return Boolean(document.querySelector('.answer:not([disabled])'))"  # the last part of the page that starts
CONTROLS = {"temperature": 0.8, "topK": 0, "topP": 1, "minP": 0, "order": 99}


def processes(root: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of a process and all that it started."""
    ticks = 0
    for pid in processes(root):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print one line for each SPEC."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", default=SPECS)
    corpus = genbench.corpus("thorne")
    print(
        "| generator | characters a second | of a CPU second | page, MB | unpacked in, ms |\n|---|---:|---:|---:|---:|"
    )
    for spec in parser.parse_args().specs:
        generator = create(spec)
        generator.fit(corpus.train, corpus.valid, TrainContext(steps=1))
        html = playground_page({spec: Model(generator)}, corpus).html
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "play.html"
            page.write_text(html, encoding="utf-8")
            rate, cpu_rate, unpacked = measure(page, folder)
        size = len(html.encode()) / 1e6
        print(f"| {spec} | {rate:,.0f} | {cpu_rate:,.0f} | {size:.2f} | {unpacked:,.0f} |", flush=True)


def measure(page: Path, folder: str) -> tuple[float, float, float]:
    """Return characters a second by the clock, characters of a CPU second, and milliseconds of unpacking."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"):
        options.add_argument(argument)
    service = Service(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as driver:
        driver.set_script_timeout(600)
        driver.get(page.as_uri())
        WebDriverWait(driver, 300).until(lambda page: page.execute_script(READY))
        driver.execute_script("document.querySelector('#stop').click()")
        ask = "playground.ask('generate', arguments[0]).then(arguments[1])"
        question = {"texts": ["The "], "controls": CONTROLS, "seed": 1, "length": 300, "speed": 0}
        driver.execute_async_script(ask, question)  # until the loops are compiled
        began = cpu_seconds(service.process.pid)
        (rate,) = driver.execute_async_script(ask, question | {"length": CHARACTERS})
        used = cpu_seconds(service.process.pid) - began
        ready = driver.execute_script("return document.documentElement.dataset.ready")
    return rate, CHARACTERS / used, float(ready)


if __name__ == "__main__":
    main()
