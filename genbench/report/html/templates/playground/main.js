// Unpack the models in the worker, then start every part of the page.

const start = async () => {
  const began = performance.now();
  const loaded = await ask("load", { source: $("#data").textContent });
  loaded.forEach((facts, index) => Object.assign(models[index], facts));
  $("#loading").hidden = true;
  $$("#go, #again, #next, #restart").forEach((button) => { button.disabled = false; });
  document.documentElement.dataset.ready = String(Math.round(performance.now() - began));
  startOver();
  await Promise.all([readTyped(), showPassage(), continueAll()]);
};

window.playground = { ask };  // for tests, and for the curious in the console
start();
