// Small helpers: elements, and questions to the worker.

const $ = (selector, parent = document) => parent.querySelector(selector);
const $$ = (selector, parent = document) => [...parent.querySelectorAll(selector)];

// an element with a class, a text or other elements
const make = (tag, className = "", content = "") => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...[content].flat());
  return element;
};

const say = (text) => { $("#spoken").textContent = text; };

const { models, human } = JSON.parse($("#facts").textContent);

// characters as they can be seen: white space, joiners and marks that stand alone
const PICTURES = { " ": "␣", "\n": "↵", "\t": "⇥", "\u00a0": "NBSP", "\u200c": "ZWNJ", "\u200d": "ZWJ" };
const picture = (character) => {
  if (PICTURES[character]) return PICTURES[character];
  if (/^[\p{Cc}\p{Cf}\p{Co}\p{Z}\p{Variation_Selector}]$/u.test(character)) return `U+${character.codePointAt(0).toString(16).toUpperCase()}`;
  return /^\p{M}$/u.test(character) ? `◌${character}` : character;
};

// letters written from right to left must not move the numbers beside them
const isolate = (text) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2067${text}\u2069` : text);
const visible = (character) => isolate(picture(character));
const visibleText = (text) => isolate([...text].map((character, at) => (at && /^\p{M}$/u.test(character) ? character : picture(character))).join(""));
const percent = (share) => (share >= 0.0995 ? `${(100 * share).toFixed(0)} %` : `${(100 * share).toFixed(share < 0.00095 ? 2 : 1)} %`);
const number = (value) => value.toLocaleString("en");

// what went wrong stands where the page said that it unpacks the models
const showFailure = (reason) => {
  $("#loading").hidden = false;
  $("#loading").textContent = `The models cannot run in this browser${reason ? `: ${reason}` : ""}. Chrome, Edge, Firefox and Safari of 2023 or later can.`;
};
addEventListener("unhandledrejection", ({ reason }) => showFailure(reason.message));

// questions to the worker, each with a promise of its result; a newer one of a kind may end an older one with null
const createWorker = () => {
  try {
    return new Worker(URL.createObjectURL(new Blob([$("#worker").textContent], { type: "text/javascript" })));
  } catch (error) {
    showFailure(error.message);
    return { postMessage: () => {} };
  }
};
const worker = createWorker();
worker.onerror = ({ message }) => showFailure(message);
const open = new Map();
let asked = 0;
const ask = (kind, values = {}, onPart = () => {}) => new Promise((resolve, reject) => {
  asked += 1;
  open.set(asked, { resolve, reject, onPart });
  worker.postMessage({ id: asked, kind, ...values });
});
worker.onmessage = ({ data: { id, part, result, error } }) => {
  const { resolve, reject, onPart } = open.get(id);
  if (part !== undefined) { onPart(part); return; }
  open.delete(id);
  if (error) reject(new Error(error)); else resolve(result);
};

// a function that waits until it was not called for some time
const debounce = (run, time) => {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => run(...values), time); };
};

// a field that is full says so, since what is pasted beyond its limit is left out
$$("textarea").forEach((field) => field.addEventListener("input", () => {
  const full = field.value.length >= field.maxLength - 1;
  $(".full", field.parentElement).textContent = full ? `The field holds ${number(field.maxLength)} characters; the rest of a longer text is left out.` : "";
}));

// arrow keys move through the characters of a text that has the focus; `show` gets the place, or -1
const walk = (box, show) => {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  let at = -1;
  const move = (place) => { at = place; show(at); };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { move(-1); return; }
    const count = $$(".c", box).length;
    if (!(event.key in steps) || !count) return;
    event.preventDefault();
    move(Math.min(count - 1, Math.max(0, (at < 0 && steps[event.key] < 0 ? count : at) + steps[event.key])));
    $$(".c", box)[at].scrollIntoView({ block: "nearest" });
  });
  box.addEventListener("blur", () => move(-1));
  box.addEventListener("pointerover", (event) => { if (event.target.matches(".c")) move($$(".c", box).indexOf(event.target)); });
  box.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") move(-1); });
};
