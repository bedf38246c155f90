// The gates and the memory of some units of a network, while it reads the end of the text.

const READ = innerWidth < 600 ? 24 : 40, STEP = 13, LEFT = 52, CURVE = 40, ROW = 11;
const SVG = "http://www.w3.org/2000/svg";
const drawSVG = (name, values, text = "") => {
  const element = document.createElementNS(SVG, name);
  Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
  element.textContent = text;
  return element;
};

const narrow = (text) => (text.length > 2 ? "·" : text);  // the name of a joiner is wider than a column

// one unit: its memory as bars above and below zero, a row of squares for each gate, and the characters
const drawUnit = (unit, { memory, gates }, names, text, memoryName) => {
  const width = LEFT + STEP * text.length, height = CURVE + ROW * names.length + 18;
  const svg = drawSVG("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  const label = (x, y, content, className = "") => svg.append(drawSVG("text", { x, y, class: className }, content));
  const largest = Math.max(1, ...memory.map(Math.abs)), zero = CURVE / 2;
  label(0, zero + 3, `${memoryName} ±${largest.toFixed(1)}`);
  svg.append(drawSVG("path", { d: `M${LEFT} ${zero}H${width}`, class: "zero" }));
  memory.forEach((value, at) => {
    const size = (Math.abs(value) / largest) * zero, x = LEFT + STEP * at + 2;
    svg.append(drawSVG("rect", { x, y: value > 0 ? zero - size : zero, width: STEP - 4, height: size, class: "memory" }));
  });

  // closed gates are empty, open ones are full
  names.forEach((name, gate) => {
    const y = CURVE + ROW * gate + 2;
    label(0, y + 8, name);
    gates[gate].forEach((value, at) => {
      const x = LEFT + STEP * at + 1;
      svg.append(drawSVG("rect", { x, y, width: STEP - 2, height: ROW - 2, class: `gate fill-${gate + 2}`, opacity: value.toFixed(3) }));
      svg.append(drawSVG("rect", { x, y, width: STEP - 2, height: ROW - 2, class: "frame" }));
    });
  });
  text.forEach((character, at) => label(LEFT + STEP * at + STEP / 2, height - 4, narrow(picture(character)), "letter"));
  const last = [`${memoryName} ${memory.at(-1).toFixed(2)}`, ...names.map((name, gate) => `${name} gate ${gates[gate].at(-1).toFixed(2)}`)];
  svg.setAttribute("aria-label", `Unit ${unit} after the last character: ${last.join(", ")}`);
  return make("figure", "unit", [make("figcaption", "", `Unit ${unit}: ${last.join(", ")}`), svg]);
};

const showUnits = async (stepper) => {
  const inside = $(".inside", stepper.panel), model = models[stepper.index];
  const units = $$(".units input", inside).map((input) => Number(input.value));
  const result = await ask("gates", { index: stepper.index, text: stepper.text || "\n", units, most: READ });

  // fields with the numbers of the units
  const inputs = result.units.map((unit, place) => {
    const input = make("input");
    Object.assign(input, { type: "number", min: 0, max: model.hidden - 1, value: unit });
    input.setAttribute("aria-label", `Unit shown in chart ${place + 1}, 0 to ${model.hidden - 1}`);
    input.addEventListener("change", () => {
      input.value = Math.min(model.hidden - 1, Math.max(0, Math.round(Number(input.value)) || 0));
      showUnits(stepper);
    });
    return input;
  });
  const liveliest = make("button", "chip", "The liveliest");
  liveliest.type = "button";
  liveliest.addEventListener("click", async () => {
    $(".units", inside).replaceChildren();
    await showUnits(stepper);
    $(".units button", inside).focus();
  });

  // the charts; the focus stays in its field
  const memoryName = model.cell === "lstm" ? "cell" : "output";
  const focused = $$(".units input", inside).indexOf(document.activeElement);
  const hint = result.names.length ? "A full square is an open gate (1), an empty one a closed gate (0)." : "It has no gates.";
  inside.replaceChildren(
    make("h4", "", `Inside: ${result.units.length} of its ${number(model.hidden)} units while it reads`),
    make("p", "how", `${hint} Bars show the ${memoryName} of the unit.`), make("div", "units", [...inputs, liveliest]),
    ...result.series.map((series, at) => drawUnit(result.units[at], series, result.names, result.text, memoryName)),
  );
  if (focused >= 0) inputs[focused].focus();
};
