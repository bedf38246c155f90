// Buttons that copy texts and tables and save charts, and tables that say that they scroll.
{
  const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];
  const makeButton = (label, about, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool";
    button.textContent = label;
    button.setAttribute("aria-label", `${label}: ${about}`);
    button.addEventListener("click", () => act(button));
    return button;
  };
  const addTools = (element, ...buttons) => {
    const tools = document.createElement("p");
    tools.className = "tools";
    tools.append(...buttons);
    element.after(tools);
  };

  // copying; without a clipboard, as in a page that is no secure context, through a selected text field
  const copyOld = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  };
  const copy = async (text, button) => {
    try { await navigator.clipboard.writeText(text); } catch { copyOld(text); }
    const label = button.textContent;
    button.textContent = "Copied";
    document.querySelector("#spoken").textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const cells = (row) => all("th, td", row).map((cell) => cell.textContent.trim()).join("\t");
  all(".box table:not(.reading)").forEach((table) => {
    const caption = table.querySelector("caption").textContent;
    const text = () => all("tr", table).map(cells).join("\n");
    addTools(table.closest(".box"), makeButton("Copy table", caption, (button) => copy(text(), button)));
  });
  all(".sample, .card").forEach((sample) => {
    const name = sample.querySelector("h3").textContent;
    const text = () => sample.querySelector(".text").textContent;
    addTools(sample.querySelector(".foot"), makeButton("Copy text", name, (button) => copy(text(), button)));
  });
  all("code.command").forEach((code) => {
    code.after(makeButton("Copy", "the command", (button) => copy(code.textContent, button)));
  });

  // a chart as a file: its colors, which the page has as classes, become attributes
  const drawn = (svg) => {
    const clone = svg.cloneNode(true);
    const copies = all("*", clone);
    all("*", svg).forEach((element, number) => {
      const style = getComputedStyle(element);
      ["fill", "stroke"].forEach((name) => {
        if ((element.getAttribute("class") || "").includes(`${name}-`)) copies[number].setAttribute(name, style[name]);
      });
      copies[number].removeAttribute("class");
    });
    const [, , width, height] = svg.getAttribute("viewBox").split(" ");
    const ground = document.createElementNS(svg.namespaceURI, "rect");
    Object.entries({ width, height, fill: getComputedStyle(svg.closest("section")).backgroundColor })
      .forEach(([name, value]) => ground.setAttribute(name, value));
    clone.insertBefore(ground, clone.querySelector("g"));
    clone.setAttribute("width", width);
    clone.setAttribute("height", height);
    clone.setAttribute("font-family", "DejaVu Sans, Verdana, sans-serif");
    return { text: new XMLSerializer().serializeToString(clone), width: Number(width), height: Number(height) };
  };
  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const saveSvg = (svg, name) => save(new Blob([drawn(svg).text], { type: "image/svg+xml" }), `${name}.svg`);
  const savePng = (svg, name) => {
    const { text, width, height } = drawn(svg);
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [3 * width, 3 * height];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, `${name}.png`));
    });
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  };
  all("svg.chart").forEach((svg) => {
    const title = svg.querySelector("title");
    const name = title.id.replace(/-title$/, "");
    const button = (label, act) => makeButton(label, title.textContent, () => act(svg, name));
    addTools(svg, button("SVG", saveSvg), button("PNG", savePng));
  });

  // tables that are wider than their place
  const showScrolling = () => all(".box").forEach((box) => {
    const table = box.querySelector("table");
    box.classList.toggle("scrolls", Boolean(table) && table.offsetWidth > box.clientWidth + 3);
  });
  addEventListener("resize", showScrolling);
  document.addEventListener("change", showScrolling);
  all("details").forEach((details) => details.addEventListener("toggle", showScrolling));
  showScrolling();
}
