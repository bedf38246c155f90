// The switches, the theme and the bits of words. Without this script everything is shown and can be read.
"use strict";
{
  const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];
  const first = (selector) => document.querySelector(selector);
  all(".script").forEach((element) => { element.hidden = false; });

  // the theme: the preferred one until it is switched
  const button = first("#theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (preferred.matches ? "dark" : "light")) === "dark";
  const showTheme = () => { button.setAttribute("aria-pressed", String(isDark())); };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  preferred.addEventListener("change", showTheme);
  showTheme();

  // the switches: one author on the whole page, and of the samples those with the chosen values
  const switches = all("form.switches");
  const chosen = (name) => all(`form.switches input[name="${name}"]:checked`).map((input) => input.value);
  const showChosen = () => {
    const [author = "0"] = chosen("author");
    all("[data-author]").forEach((element) => { element.hidden = element.dataset.author !== author; });

    // values that this author's samples have; where the chosen one is not among them, the first one that is
    all("form.switches fieldset[data-switch]").forEach((fieldset) => {
      const labels = all("label", fieldset);
      labels.forEach((label) => { label.hidden = !label.dataset.authors.split(" ").includes(author); });
      const own = labels.filter((label) => !label.hidden);
      if (own.length && !own.some((label) => label.firstElementChild.checked)) own[0].firstElementChild.checked = true;
      fieldset.hidden = own.length < 2;
    });
    const choices = ["temperature", "prompt", "generator"].map((name) => [name, chosen(name)]);
    all(".sample").forEach((sample) => {
      sample.hidden ||= !choices.every(([name, values]) => values.includes(sample.dataset[name]));
    });
  };
  switches.forEach((form) => {
    form.addEventListener("change", showChosen);
    form.addEventListener("submit", (event) => event.preventDefault());
  });
  if (switches.length) showChosen();
  const bits = first("#bits");
  if (bits) bits.addEventListener("change", () => document.body.classList.toggle("show-bits", bits.checked));

  // the tip: the bits of the word at the pointer, or that the arrow keys reached
  const tip = first("#tip");
  const inAllColumns = (word) => {
    const row = word.closest("tr");
    if (!row) return [word];
    const number = all(".w", word.closest(".text")).indexOf(word);
    return all(".text", row).map((text) => all(".w", text)[number]);
  };
  let current = null;
  const hideTip = () => {
    all(".w.at").forEach((word) => word.classList.remove("at"));
    current = null;
    tip.hidden = true;
  };
  const moveTip = () => {  // above the word if there is room
    if (!current) return;
    const place = current.getClientRects()[0];
    const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${place.top > tip.offsetHeight + 8 ? place.top - tip.offsetHeight - 6 : place.bottom + 6}px`;
  };
  const showTip = (word) => {
    hideTip();
    const words = inAllColumns(word);
    words.forEach((other) => other.classList.add("at"));
    tip.textContent = `${words.map((other) => other.dataset.b).join(" · ")} bits`;
    tip.hidden = false;
    current = word;
    moveTip();
    return words;
  };
  document.addEventListener("pointerover", (event) => {
    const word = event.target.closest(".text .w");
    if (word) showTip(word); else if (event.pointerType === "mouse") hideTip();
  });
  document.addEventListener("scroll", moveTip, { passive: true, capture: true });

  // the arrow keys step through the words of the text that has the focus
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  all(".text[tabindex]").forEach((text) => {
    let number = -1;
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hideTip();
      if (!(event.key in steps)) return;
      const words = all(".w", text);
      number = Math.min(words.length - 1, Math.max(0, number + steps[event.key]));
      if (!words.length) return;
      event.preventDefault();
      words[number].scrollIntoView({ block: "nearest" });
      const shown = showTip(words[number]);
      const spoken = shown.map((word) => word.dataset.b).join(", ");
      first("#spoken").textContent = `${words[number].textContent}: ${spoken} bits`;
    });
    text.addEventListener("blur", () => { number = -1; hideTip(); });
  });
}
