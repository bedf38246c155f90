// Who wrote it: a passage of the author or of a model, blind, with a score.

const PASSAGE = 190, TEMPERATURE = 0.8;
const tally = new Map();  // writer -> [right, passages]
let current = null;
let round = 0;

// whole words of about the length of a passage, on one line; letters where there are no spaces
const trim = (text) => {
  const words = text.trim().replace(/\s+/g, " ");
  if (words.length <= PASSAGE) return words;
  const space = words.lastIndexOf(" ", PASSAGE);
  return `${space > PASSAGE / 2 ? words.slice(0, space) : words.slice(0, PASSAGE).replace(/\P{M}\p{M}*$/u, "")} …`;
};

const shuffled = (list) => list.map((item) => [Math.random(), item]).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
let order = [], passages = [];
const nextWriter = () => {
  if (!order.length) order = shuffled([-1, ...models.keys(), ...[-1, ...models.keys()]]);
  return order.pop();
};
const nextPassage = () => {
  if (!passages.length) passages = shuffled(human);
  return passages.pop();
};

const showPassage = async () => {
  if (!human.length) return;
  round += 1;
  const own = round, writer = nextWriter();
  $("#another").hidden = true;
  $("#verdict").textContent = "";
  $$(".answer").forEach((button) => { button.disabled = true; button.classList.remove("right", "missed"); });
  const seed = Math.floor(Math.random() * 2 ** 31);
  const text = writer < 0 ? nextPassage() : await ask("write", { index: writer, seed, length: PASSAGE + 60, temperature: TEMPERATURE });
  if (own !== round) return;
  current = writer;
  $("#passage").textContent = trim(text);
  $$(".answer").forEach((button) => { button.disabled = false; });
};

const nameOf = (writer) => $(`.answer[data-writer="${writer}"]`).textContent;
const answer = (button) => {
  const guessed = Number(button.dataset.writer), right = guessed === current;
  const [hits, all] = tally.get(current) || [0, 0];
  tally.set(current, [hits + right, all + 1]);
  $$(".answer").forEach((other) => {
    other.disabled = true;
    other.classList.toggle("right", Number(other.dataset.writer) === current);
  });
  if (!right) button.classList.add("missed");
  $("#verdict").textContent = right ? `Right: ${nameOf(current)} wrote it.` : `No: ${nameOf(current)} wrote it.`;
  showScore();
  $("#another").hidden = false;
  $("#another").focus();
};

const showScore = () => {
  const totals = [...tally.values()].reduce(([hits, all], [h, a]) => [hits + h, all + a], [0, 0]);
  const chance = totals[1] / (models.length + 1);
  const parts = [...tally].sort((a, b) => a[0] - b[0]).map(([writer, [hits, all]]) => `${nameOf(writer)} ${hits} of ${all}`);
  $("#score").textContent = `Score: ${totals[0]} of ${totals[1]} right (guessing blindly would give ${chance.toFixed(1)}). Recognized: ${parts.join(", ")}.`;
};

$$(".answer").forEach((button) => button.addEventListener("click", () => answer(button)));
$("#another")?.addEventListener("click", async () => { await showPassage(); $("#passage").focus(); });
