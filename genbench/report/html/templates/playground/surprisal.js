// The surprisal of a text while it is typed, by all models, and the words on which they differ most.

const LIMITS = [0.5, 1, 2, 4, 6, 9], LISTED_WORDS = 6, LONGEST_WORD = 24;
const readers = $$(".reader").map((panel, index) => ({ index, panel, box: $(".read", panel), bits: [] }));
const typed = $("#typed");

const showBits = (reader, characters, bits) => {
  reader.bits = bits;
  const level = (value) => LIMITS.filter((limit) => value >= limit).length;
  reader.box.replaceChildren(...characters.map((character, at) => make("span", `c h${level(bits[at])}`, character === "\n" ? "↵\n" : character)));
  const total = bits.reduce((a, b) => a + b, 0);
  $(".foot", reader.panel).textContent = characters.length ? `${total.toFixed(0)} bits, ${(total / characters.length).toFixed(2)} per character` : "";
};

// the words of a text, each with the space before it; a run without spaces in the words that the browser knows
const segmenter = window.Intl?.Segmenter ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;
const splitRun = (run) => {
  if ([...run].length <= LONGEST_WORD) return [run];
  const words = segmenter ? [...segmenter.segment(run)].map(({ segment }) => segment) : [run];
  return words.flatMap((word) => word.match(/(?:.\p{M}*){1,24}/gsu) || [word]);
};
const splitWords = (text) => (text.match(/\s*\S+\s*$|\s*\S+|\s+$/g) || []).flatMap(splitRun);

const addDifferences = (text, all) => {
  const words = [];
  let at = 0;
  for (const piece of splitWords(text)) {
    const length = [...piece].length;
    const bits = all.map((values) => values.slice(at, at + length).reduce((a, b) => a + b, 0));
    words.push({ word: piece.trim() || visibleText(piece), bits, difference: Math.max(...bits) - Math.min(...bits) });
    at += length;
  }
  words.sort((a, b) => b.difference - a.difference);
  const box = $("#differences");
  if (all.length < 2 || !words.length) { box.replaceChildren(); return; }
  const headings = ["word", ...models.map(({ name }) => name), "difference"];
  const rows = words.slice(0, LISTED_WORDS).map(({ word, bits, difference }) => {
    const head = Object.assign(make("th", "", isolate(word)), { scope: "row" });
    const least = Math.min(...bits);
    return make("tr", "", [head, ...bits.map((value) => make("td", value === least ? "best" : "", value.toFixed(1))), make("td", "", difference.toFixed(1))]);
  });
  const heads = headings.map((name) => Object.assign(make("th", "", name), { scope: "col" }));
  const heading = make("h3", "", "Where they differ most, in bits of a word and the space before it");
  box.replaceChildren(heading, make("div", "box", make("table", "", [
    make("caption", "unseen", "The words on which the models differ most"),
    make("thead", "", make("tr", "", heads)), make("tbody", "", rows),
  ])));
};

const readTyped = async () => {
  const text = typed.value, result = await ask("surprisal", { text, order: controls().order });
  if (!result) return;
  readers.forEach((reader, index) => showBits(reader, [...text], result[index]));
  addDifferences(text, result);
};

const showCharacter = (at) => {
  $$(".reader .at").forEach((span) => span.classList.remove("at"));
  const tip = $("#tip"), spans = readers.map(({ box }) => $$(".c", box)[at]);
  tip.hidden = at < 0 || !spans[0];
  if (tip.hidden) return;
  spans.forEach((span) => span.classList.add("at"));
  const character = visible([...typed.value][at]);
  const text = `“${character}”: ${readers.map(({ bits }, index) => `${models[index].name} ${bits[at].toFixed(1)}`).join(", ")} bits`;
  tip.textContent = text;
  placeTip();
  if (document.activeElement.matches(".read")) say(text);
};
const placeTip = () => {
  const tip = $("#tip"), spans = $$(".reader .at");
  if (tip.hidden || !spans.length) return;
  const own = spans.find((span) => span.closest(".read").matches(":hover, :focus")) || spans[0];
  const place = own.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${place.top > tip.offsetHeight + 8 ? place.top - tip.offsetHeight - 6 : place.bottom + 6}px`;
};
document.addEventListener("scroll", placeTip, { passive: true, capture: true });
readers.forEach(({ box }) => walk(box, showCharacter));
typed.addEventListener("input", debounce(readTyped, 60));
onControls.push(debounce(readTyped, 120));
