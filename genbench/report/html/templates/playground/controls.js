// The sampling controls, as sliders; the parts of the page that depend on them listen to "controls".

const controls = () => {
  const value = (name) => Number($(`#${name}`)?.value ?? Infinity);
  return {
    temperature: value("temperature"), topK: value("topK"), topP: value("topP"), minP: value("minP"), order: value("order"),
  };
};

const describeControl = {
  temperature: (value) => (value === 0 ? "0: the likeliest" : value.toFixed(2)),
  topK: (value) => (value === 0 ? "off" : `${value}`),
  topP: (value) => (value === 1 ? "off" : value.toFixed(2)),
  minP: (value) => (value === 0 ? "off" : value.toFixed(2)),
  order: (value) => (value === 1 ? "1: no context" : `${value}: sees ${value - 1}`),
};

const showControls = () => {
  Object.entries(controls()).forEach(([name, value]) => {
    const input = $(`#${name}`);
    if (!input) return;
    const text = describeControl[name](value);
    $(`output[for="${name}"]`).textContent = text;
    input.setAttribute("aria-valuetext", text);
  });
};

// the seed of random numbers, a whole number within the limits of its field
const seedField = $("#seed");
const seed = () => Math.min(Number(seedField.max), Math.max(0, Math.trunc(Number(seedField.value)) || 0));
seedField.addEventListener("change", () => { seedField.value = seed(); });

const onControls = [];
$$(".sliders input").forEach((input) => input.addEventListener("input", () => {
  showControls();
  onControls.forEach((listener) => listener());
}));
showControls();
addEventListener("pageshow", showControls);  // a browser that comes back may have restored the sliders

// on a phone the sliders open on demand; where motion is unwanted a text appears at once
if (innerWidth < 640) $(".controls").open = false;
if (matchMedia("(prefers-reduced-motion: reduce)").matches) $("#speed").value = "0";
