// The switches. Without this script everything is shown, and can be read.
"use strict";
{
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const one = (what) => document.querySelector(what);
  all(".script").forEach((part) => { part.hidden = false; });

  const theme = one("#theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (document.documentElement.dataset.theme || (preferred.matches ? "dark" : "light")) === "dark";
  const named = () => { theme.setAttribute("aria-pressed", String(dark())); };
  theme.hidden = false;
  theme.addEventListener("click", () => { document.documentElement.dataset.theme = dark() ? "light" : "dark"; named(); });
  preferred.addEventListener("change", named);
  named();

  const switches = one("form.switches");
  const chosen = (name) => all(`input[name="${name}"]:checked`, switches).map((input) => input.value);
  const choose = () => {
    const wanted = ["author", "temperature", "prompt", "generator"].map((name) => [name, chosen(name)]);
    all(".sample").forEach((sample) => {
      sample.hidden = !wanted.every(([name, values]) => values.includes(sample.dataset[name]));
    });
  };
  if (switches) {
    switches.addEventListener("change", choose);
    switches.addEventListener("submit", (event) => event.preventDefault());
    choose();
  }
  const bits = one("#bits");
  if (bits) bits.addEventListener("change", () => document.body.classList.toggle("show-bits", bits.checked));

  const tip = one("#tip");
  const beside = (word) => {  // the same word in the other columns
    const row = word.closest("tr");
    if (!row) return [word];
    const place = all(".w", word.closest(".text")).indexOf(word);
    return all(".text", row).map((text) => all(".w", text)[place]);
  };
  let current = null;
  const leave = () => {
    all(".w.at").forEach((word) => word.classList.remove("at"));
    current = null;
    tip.hidden = true;
  };
  const follow = () => {  // the tip stays at its word, above it if there is room
    if (!current) return;
    const at = current.getClientRects()[0];
    const left = Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${at.top > tip.offsetHeight + 8 ? at.top - tip.offsetHeight - 6 : at.bottom + 6}px`;
  };
  const show = (word) => {
    leave();
    const words = beside(word);
    words.forEach((each) => each.classList.add("at"));
    tip.textContent = `${words.map((each) => each.dataset.b).join(" · ")} bits`;
    tip.hidden = false;
    current = word;
    follow();
    return words;
  };
  document.addEventListener("pointerover", (event) => {
    const word = event.target.closest(".text .w");
    if (word) show(word); else if (event.pointerType === "mouse") leave();
  });
  document.addEventListener("scroll", follow, { passive: true, capture: true });

  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  all(".text[tabindex]").forEach((text) => {
    let place = -1;
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave();
      if (!(event.key in steps)) return;
      const words = all(".w", text);
      place = Math.min(words.length - 1, Math.max(0, place + steps[event.key]));
      if (!words.length) return;
      event.preventDefault();
      words[place].scrollIntoView({ block: "nearest" });
      const found = show(words[place]);
      one("#said").textContent = `${words[place].textContent}: ${found.map((each) => each.dataset.b).join(", ")} bits`;
    });
    text.addEventListener("blur", () => { place = -1; leave(); });
  });
}
