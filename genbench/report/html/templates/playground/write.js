// Type a beginning, and all models continue it side by side.

const LENGTH = 600;  // characters of a continuation
const beginning = $("#beginning");
const writers = $$(".writer").map((panel, index) => ({
  index, panel, box: $(".output", panel), foot: $(".foot", panel), text: "",
}));

const addCharacters = (writer, text, given) => {
  writer.box.append(...[...text].map((character) => make("span", given ? "c given" : "c", character)));
  writer.text += text;
  if (!given) writer.box.scrollTop = writer.box.scrollHeight;
};

// characters that arrive are shown once per frame: each time costs a layout of the page
let arrived = writers.map(() => "");
const showArrived = () => {
  writers.forEach((writer, index) => { if (arrived[index]) addCharacters(writer, arrived[index], false); });
  arrived = writers.map(() => "");
};
const receive = (part) => {
  if (arrived.every((text) => !text)) requestAnimationFrame(showArrived);
  arrived = arrived.map((text, index) => text + part[index]);
};

const startOver = () => {
  arrived = writers.map(() => "");
  writers.forEach((writer) => {
    writer.box.replaceChildren();
    writer.text = "";
    writer.foot.textContent = "";
    addCharacters(writer, beginning.value, true);
  });
};

const setWriting = (busy) => {
  if (!busy && document.activeElement === $("#stop")) $("#go").focus();
  $("#stop").disabled = !busy;
  writers.forEach(({ box }) => box.classList.toggle("writing", busy));
};

let turn = 0;
const writeAll = async () => {
  turn += 1;
  const own = turn;
  startOver();
  setWriting(true);
  const speed = Number($("#speed").value);
  const values = { texts: writers.map(({ text }) => text), controls: controls(), seed: seed(), length: LENGTH, speed };
  const rates = await ask("generate", values, (part) => {
    if (own === turn) receive(part);
  });
  if (own !== turn) return;
  showArrived();
  setWriting(false);
  const written = [...writers[0].text].length - [...values.texts[0]].length;
  writers.forEach(({ foot }, index) => {
    const rate = speed || !written ? "" : `; alone it would write ${number(Math.round(rates[index]))} characters a second here`;
    foot.textContent = `${number(written)} characters, seed ${values.seed}${rate}`;
  });
  say(written < LENGTH ? "Stopped." : "The texts are complete.");
};

const onBeginning = [];  // called when the models begin anew
const continueAll = () => {
  onBeginning.forEach((listener) => listener());
  return writeAll();
};

const stopWriting = () => { ask("stop"); };

// what a character depended on: earlier characters of a network, the context of a chain
const clearMarks = (box) => $$(".at, .used, .helped, .hindered", box).forEach((span) => span.classList.remove("at", "used", "helped", "hindered"));
const showConnections = async (writer, at) => {
  clearMarks(writer.box);
  const spans = $$(".c", writer.box);
  if (at < 0 || !spans[at]) return;
  spans[at].classList.add("at");
  const result = await ask("connect", { index: writer.index, text: writer.text, at, order: controls().order });
  if (!result || !spans[at].classList.contains("at")) return;
  const character = visible(spans[at].textContent), bits = `${result.bits.toFixed(1)} bits`;
  if (result.used !== undefined) {
    spans.slice(Math.max(0, at - result.used), at).forEach((span) => span.classList.add("used"));
    writer.foot.textContent = `“${character}” cost ${bits} after the longest context that the chain knows here: ${result.used} characters.`;
  } else {
    const largest = Math.max(0.2, ...result.changes.map(Math.abs));
    result.changes.forEach((change, place) => {
      spans[place].style.setProperty("--change", Math.round((80 * Math.abs(change)) / largest));
      if (Math.abs(change) > 0.02) spans[place].classList.add(change > 0 ? "helped" : "hindered");
    });
    const best = result.changes.indexOf(Math.max(...result.changes));
    const without = () => (result.bits + result.changes[best]).toFixed(1);
    const most = result.changes[best] > 0.02
      ? `; without the “${visible(spans[best].textContent)}” ${at - best} before it, ${without()}` : "";
    writer.foot.textContent = `“${character}” cost ${bits}${most}.`;
  }
  if (document.activeElement === writer.box) say(writer.foot.textContent);
};
writers.forEach((writer) => {
  const show = debounce((at) => showConnections(writer, at), 60);
  walk(writer.box, (at) => { if (at < 0) { show(-1); clearMarks(writer.box); } else show(at); });
});

$("#go").addEventListener("click", continueAll);
$("#stop").addEventListener("click", stopWriting);
$("#again").addEventListener("click", () => { seedField.value = (seed() + 1) % (Number(seedField.max) + 1); continueAll(); });
seedField.addEventListener("input", debounce(continueAll, 250));
onControls.push(debounce(writeAll, 150));  // the same seed: the texts differ by the controls alone
$$(".chip").forEach((chip) => chip.addEventListener("click", () => {
  beginning.value = chip.dataset.beginning;
  continueAll();
}));
beginning.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) continueAll();
});
