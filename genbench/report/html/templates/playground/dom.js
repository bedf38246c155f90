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

// white space as it can be seen
const visible = (character) => ({ " ": "␣", "\n": "↵", "\t": "⇥" })[character] || character;
const percent = (share) => (share >= 0.0995 ? `${(100 * share).toFixed(0)} %` : `${(100 * share).toFixed(share < 0.00095 ? 2 : 1)} %`);
const number = (value) => value.toLocaleString("en");

// questions to the worker, each with a promise of its result; a newer one of a kind may end an older one with null
const worker = new Worker(URL.createObjectURL(new Blob([$("#worker").textContent], { type: "text/javascript" })));
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
