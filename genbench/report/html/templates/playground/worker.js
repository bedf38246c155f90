// The worker: it holds the models and answers the page's questions; the page stays responsive meanwhile.
//
// A question is { id, kind, ... }; the answers are { id, part } as often as there is something to show, and { id, result }
// or { id, error } at the end. A newer question of the same kind ends an older one, and "stop" ends a text that is being written.

const models = [];
let book = new Book("");
let data = null;
const newest = {};
const PAUSE_EVERY = 12;  // milliseconds of work between two looks at the questions
const REACH = 40;  // characters that are left out, one at a time
const BITS = Math.LOG2E;

const pauses = new MessageChannel();
const waiting = [];
pauses.port1.onmessage = () => waiting.shift()();
const pause = () => new Promise((resolve) => { waiting.push(resolve); pauses.port2.postMessage(0); });
const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));

// the state of a model after a text; that of the last text is remembered with all of its beginnings
const readText = (model, text) => {
  const pieces = model.characters.encode(text), known = model.read;
  let same = 0;
  while (same < pieces.length && same < known.pieces.length && String(pieces[same]) === String(known.pieces[same])) same += 1;
  const states = known.states.slice(0, same + 1);
  for (let at = same; at < pieces.length; at += 1) {
    states.push(pieces[at].reduce((state, token) => model.net.advance(state, token), states[at]));
  }
  model.read = { pieces, states };
  return states;
};

// bits of one character after a state, whose bytes are read one after the other if it is unknown
const bitsOf = (model, state, piece, order) => {
  let bits = 0, at = state;
  piece.forEach((token, index) => {
    bits -= BITS * model.net.logProbs(at, order)[token];
    if (index + 1 < piece.length) at = model.net.advance(at, token);
  });
  return bits;
};

const answers = {
  async load({ source }) {
    data = JSON.parse(source);
    for (const spec of data.models) {
      const characters = new Characters(spec.letters), bytes = await inflate(spec.packed.data);
      const packed = { ...spec.packed, step: data.step, oddsStep: data.oddsStep };
      const net = spec.kind === "chain" ? new Chain(packed, bytes, characters) : new Network(packed, bytes, characters);
      models.push({ ...spec, net, characters, read: { pieces: [], states: [net.start()] } });
    }
    book = new Book(new TextDecoder().decode(await inflate(data.book.data)));
    return models.map(({ net }) => ({ longest: net.longest, hidden: net.hidden, gates: GATE_NAMES[net.cell] }));
  },

  // continue a text by all models side by side
  async generate({ texts, controls, seed, length, speed }, alive, send) {
    const began = performance.now();
    const writers = models.map((model, index) => ({
      model, random: randomNumbers(seed), state: readText(model, texts[index]).at(-1), written: 0, seconds: 0,
    }));
    let looked = began;
    let count = 0;
    for (; count < length && alive(); count += 1) {
      const part = writers.map((writer) => {
        const before = performance.now(), { net, characters } = writer.model;
        const { tokens, after } = applyControls(net.logProbs(writer.state, controls.order), controls);
        const token = tokens[choose(after, writer.random())];
        writer.state = net.advance(writer.state, token);
        writer.seconds += (performance.now() - before) / 1000;
        return characters.decode(token);
      });
      send(part);

      // at the chosen speed, or as fast as possible with pauses to look at other questions
      const now = performance.now(), due = began + ((count + 1) * 1000) / speed;
      if (speed && due > now) await wait(due - now);
      else if (now - looked > PAUSE_EVERY) { await pause(); looked = performance.now(); }
    }
    return writers.map(({ seconds }) => count / seconds);
  },

  // the next character of each model: the distribution, the random number, and what is behind it
  async step({ texts, controls, seed, number }) {
    const random = randomNumbers(seed);
    for (let skipped = 0; skipped < number; skipped += 1) random();
    const chosen = random();
    return models.map((model, index) => {
      const state = readText(model, texts[index]).at(-1);
      const { tokens, before, after } = applyControls(model.net.logProbs(state, controls.order), controls);
      return {
        random: chosen, place: choose(after, chosen), characters: tokens.map((token) => model.characters.decode(token)),
        before, after, contexts: model.kind === "chain" ? levels(model, state, texts[index], controls.order) : [],
      };
    });
  },

  // bits of every character of a text, by each model
  async surprisal({ text, order }, alive) {
    const result = [];
    for (const model of models) {
      const states = readText(model, text), bits = [];
      for (const [at, piece] of model.read.pieces.entries()) {
        bits.push(bitsOf(model, states[at], piece, order));
        if (at % 100 === 99) await pause();
        if (!alive()) return null;
      }
      result.push(bits);
    }
    return result;
  },

  // what one character of a text depended on: for a network the change in bits where an earlier one is left out
  async connect({ index, text, at, order }, alive) {
    const model = models[index], states = readText(model, text).slice(), { pieces } = model.read;
    const bits = bitsOf(model, states[at], pieces[at], order);
    if (model.kind === "chain") {
      return { bits, used: model.net.lengths[model.net.shorten(states[at], order - 1)] };
    }
    const changes = new Array(at).fill(0);
    for (let left = at - 1; left >= Math.max(0, at - REACH); left -= 1) {
      let state = states[left];
      for (let read = left + 1; read < at; read += 1) {
        state = pieces[read].reduce((before, token) => model.net.advance(before, token), state);
      }
      changes[left] = bitsOf(model, state, pieces[at], order) - bits;
      if (left % 4 === 0) await pause();
      if (!alive()) return null;
    }
    return { bits, changes };
  },

  // gates and memory of some units while a network reads the end of a text
  async gates({ index, text, units, most }) {
    const { net, characters } = models[index], pieces = characters.encode(text);
    const first = Math.max(0, pieces.length - most), all = [];
    let state = net.start();
    pieces.forEach((piece, at) => {
      state = piece.reduce((before, token) => net.advance(before, token), state);
      if (at >= first) all.push({ memory: Float64Array.from(net.memory(state)), gates: net.gates.map((gate) => gate.slice()) });
    });
    const chosen = units.length ? units : liveliest(all, net.hidden);
    return {
      text: [...text].slice(first), units: chosen, names: GATE_NAMES[net.cell],
      series: chosen.map((unit) => ({
        memory: all.map(({ memory }) => memory[unit]),
        gates: GATE_NAMES[net.cell].map((_, gate) => all.map(({ gates }) => gates[gate][unit])),
      })),
    };
  },

  // a text of one model alone, for the game
  async write({ index, seed, length, temperature }) {
    const { net, characters } = models[index], random = randomNumbers(seed);
    const controls = { temperature, topK: 0, topP: 1, minP: 0 };
    let state = characters.encode(models[index].lead).flat().reduce((before, token) => net.advance(before, token), net.start());
    let text = "";
    for (let count = 0; count < length; count += 1) {
      const { tokens, after } = applyControls(net.logProbs(state), controls);
      const token = tokens[choose(after, random())];
      state = net.advance(state, token);
      text += characters.decode(token);
      if (count % 50 === 49) await pause();
    }
    return text;
  },

  // natural log-probabilities of all tokens after each of some texts
  async distributions({ index, texts, order }) {
    const { net, characters } = models[index];
    return texts.map((text) => {
      const tokens = characters.encode(text).flat();
      return [...net.logProbs(tokens.reduce((state, token) => net.advance(state, token), net.start()), order)];
    });
  },

  async stop() {
    newest.generate = null;
  },
};

// the contexts of a chain, with what followed them in the book
const levels = (model, state, text, order) => {
  const read = [...`\n${text}`];
  return model.net.contexts(state, order).map(({ length, leftover, followers }) => {
    const context = read.slice(read.length - length).join("");
    return { context: length ? context : "", leftover, kept: followers, ...book.after(length ? context : "") };
  });
};

// the units whose memory moves most
const liveliest = (steps, hidden) => {
  const motion = Array.from({ length: hidden }, (_, unit) =>
    steps.reduce((sum, { memory }, at) => sum + (at ? Math.abs(memory[unit] - steps[at - 1].memory[unit]) : 0), 0));
  return [...motion.keys()].sort((a, b) => motion[b] - motion[a]).slice(0, 3);
};

self.onmessage = async ({ data: { id, kind, ...question } }) => {
  newest[kind] = id;
  try {
    const result = await answers[kind](question, () => newest[kind] === id, (part) => self.postMessage({ id, part }));
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
