// One character at a time: distributions, the random number, and what is inside the models.

const SHOWN = 10, TAIL = 70, THINNEST = 0.0005;
const steppers = $$(".stepper").map((panel, index) => ({ index, panel, text: "", open: -1 }));
let stepped = 0;
let drawn = null;  // the answers for the next character

const showTail = (stepper) => {
  const all = [...stepper.text], tail = $(".tail", stepper.panel);
  tail.replaceChildren(make("span", "", `${all.length > TAIL ? "…" : ""}${all.slice(-TAIL).join("")}`), make("span", "faint", "▍"));
};

const showBars = ({ panel }, { place, characters, before, after }) => {
  const rows = [...characters.keys()].slice(0, SHOWN);
  if (!rows.includes(place)) rows.push(place);
  const largest = Math.max(before[0], after[0]);
  $(".bars", panel).replaceChildren(...rows.flatMap((row) => {
    const bar = (kind, share) => {
      const element = make("div", `share ${kind}`);
      element.style.width = `${(100 * share) / largest}%`;
      return element;
    };
    const className = row === place ? "chosen" : "";
    return [
      make("div", `name ${className}`, visible(characters[row])),
      make("div", "pair-of-bars", [bar("before", before[row]), bar("after", after[row])]),
      make("div", className, `${percent(before[row])} → ${percent(after[row])}`),
    ];
  }));
};

const showStrip = ({ panel }, { place, characters, after, random }) => {
  const strip = $(".strip", panel), marker = make("i");
  const kept = after.filter((share) => share > 0).length;
  let sum = 0;
  strip.replaceChildren();
  after.slice(0, kept).forEach((share, row) => {
    const part = make("span", row === place ? "chosen" : "", share > 0.035 ? visible(characters[row]) : "");
    part.style.left = `${100 * sum}%`;
    part.style.width = `${100 * share}%`;
    sum += share;
    if (share > THINNEST || row === place) strip.append(part);
  });
  strip.append(marker);
  marker.style.left = `${100 * random}%`;
  const drawnCharacter = `the random number ${random.toFixed(3)} falls on “${visible(characters[place])}”`;
  const text = `${number(kept)} of ${characters.length} characters can be chosen; ${drawnCharacter}.`;
  $(".draw", panel).textContent = text;
  strip.setAttribute("aria-label", text);
};

// the contexts of a chain: what followed each in the book, and where
const showLevels = (stepper, contexts) => {
  const inside = $(".inside", stepper.panel);
  const rows = contexts.map((level, row) => {
    const button = make("button", "", level.context ? visibleText(level.context) : "(none)");
    button.type = "button";
    button.setAttribute("aria-expanded", String(row === stepper.open));
    button.addEventListener("click", () => { 
      stepper.open = stepper.open === row ? -1 : row;
      showLevels(stepper, contexts);
      $$(".levels button", stepper.panel)[row].focus();
    });
    const more = level.different > level.followers.length ? ", …" : "";
    const follows = level.followers.map(({ character, count }) => `${visible(character)} ${number(count)}`).join(", ");
    const head = Object.assign(make("th", "", button), { scope: "row" });
    return make("tr", "", [
      head, make("td", "", number(level.total)), make("td", "words", follows + more), make("td", "", percent(level.leftover)),
    ]);
  });
  const headings = ["context", "in the book", "what followed it, how often", "left to shorter"];
  const head = make("thead", "", make("tr", "", headings.map((name) => Object.assign(make("th", "", name), { scope: "col" }))));
  const table = make("table", "levels", [head, make("tbody", "", rows)]);
  const box = make("div", "box", table);
  inside.replaceChildren(
    make("h4", "", "Back-off: the longest known context first"),
    make("p", "how", "What a context leaves goes to the next shorter one. Press a context to read where it stands in the book."), box,
  );
  const level = contexts[stepper.open];
  if (!level || !level.context) return;
  const list = make("ul", "passages", level.passages.map((passage) => Object.assign(make("li", "", [
    `…${passage.before}`, make("mark", "", passage.context), make("b", "", visible(passage.next)), `${passage.after}… `,
    make("span", "faint", `(${percent(passage.place)} into the text)`),
  ]), { dir: "auto" })));
  inside.append(make("h4", "", `Passages with “${visibleText(level.context)}”`), list);
};

let question = 0;
const prepareStep = async () => {
  question += 1;
  const own = question;
  const values = { texts: steppers.map(({ text }) => text), controls: controls(), seed: seed(), number: stepped };
  const result = await ask("step", values);
  if (own !== question) return;
  drawn = result;
  steppers.forEach((stepper, index) => {
    showTail(stepper);
    showBars(stepper, result[index]);
    showStrip(stepper, result[index]);
    if (models[index].kind === "chain") showLevels(stepper, result[index].contexts); else showUnits(stepper);
  });
};

const restartSteps = () => {
  stepped = 0;
  steppers.forEach((stepper) => { stepper.text = beginning.value; stepper.open = -1; });
  return prepareStep();
};

const writeNext = async () => {
  if (!drawn) return;
  const chosen = drawn.map(({ place, characters }, index) => `${models[index].name} wrote ${visible(characters[place])}`);
  steppers.forEach((stepper, index) => { stepper.text += drawn[index].characters[drawn[index].place]; stepper.open = -1; });
  drawn = null;
  stepped += 1;
  await prepareStep();
  say(`${chosen.join(", ")}.`);
};

$("#next").addEventListener("click", writeNext);
$("#restart").addEventListener("click", restartSteps);
beginning.addEventListener("input", debounce(restartSteps, 250));
onControls.push(debounce(prepareStep, 80));
onBeginning.push(restartSteps);
