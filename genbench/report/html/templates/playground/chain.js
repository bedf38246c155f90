// A Markov chain as a table of n-grams in back-off form (genbench/web/packed_chain.py).
//
// A node is an n-gram; node 0 is the empty one. A state is the node of the longest known end of the text. With c a
// context and c' the context without its first character:
//
//   p(w | c) = probability of the node c w          if there is one
//   p(w | c) = weight of c times p(w | c')          otherwise

class Chain {
  constructor(spec, bytes, characters) {
    this.characters = characters;
    this.size = characters.size;
    const nodes = 1 + spec.levels.reduce((sum, level) => sum + level.ngrams, 0);
    this.tokens = new Uint16Array(nodes);
    this.probabilities = new Float64Array(nodes).fill(1);
    this.leftovers = new Float64Array(nodes).fill(1);
    this.weights = new Float64Array(nodes).fill(1);
    this.links = new Int32Array(nodes);  // the node of the context without its first character
    this.lengths = new Uint8Array(nodes);
    this.children = new Int32Array(nodes + 1).fill(nodes);  // first child of each node; those of a node are adjacent
    this.base = new Float64Array(this.size).fill(1 / (this.size - BYTES + 1));
    this.base.fill(1 / BYTES / (this.size - BYTES + 1), 0, BYTES);
    this.longest = spec.levels.length - 1;  // characters of a context
    this.readLevels(spec, new ByteReader(bytes));
  }

  readLevels(spec, reader) {
    let first = 0, stop = 1;  // the nodes of the contexts
    spec.levels.forEach((level, length) => {
      const counts = reader.read(level.counts_type, level.contexts);
      const tokens = reader.read(level.tokens_type, level.ngrams);
      const codes = reader.read("u1", level.ngrams);
      const leftovers = reader.read("u1", level.followed);
      const firstToken = level.tokens_type === "u1" ? BYTES : 0;

      // the nodes of this level, context by context
      let child = stop, followed = 0;
      for (let context = first; context < stop; context += 1) {
        const begin = child, count = counts[context - first];
        this.children[context] = begin;
        if (count) this.leftovers[context] = 1 / (1 + Math.exp(-spec.oddsStep * (leftovers[followed++] - 128)));
        let sum = 0;
        for (let index = 0; index < count; index += 1, child += 1) {
          this.tokens[child] = firstToken + tokens[child - stop];
          this.probabilities[child] = Math.exp(-spec.step * codes[child - stop]);
          this.lengths[child] = length + 1;
          sum += this.probabilities[child];
        }
        for (let at = begin; at < child; at += 1) this.probabilities[at] *= (1 - this.leftovers[context]) / sum;
      }
      this.children[stop] = child;

      // weights and links need the shorter contexts, which are complete
      for (let context = first; context < stop; context += 1) this.link(context);
      first = stop;
      stop = child;
    });
    this.children.fill(stop, first);
  }

  // the weight of a context, and the links of the nodes that it begins
  link(context) {
    let lower = 0;
    for (let child = this.children[context]; child < this.children[context + 1]; child += 1) {
      const token = this.tokens[child];
      lower += context ? this.probability(this.links[context], token) : this.base[token];
      this.links[child] = context ? this.advance(this.links[context], token) : 0;
    }
    this.weights[context] = this.leftovers[context] / Math.max(1 - lower, 1e-300);
  }

  // the node of a token after a node, 0 where there is none
  find(node, token) {
    let low = this.children[node], high = this.children[node + 1];
    const stop = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tokens[middle] < token) low = middle + 1; else high = middle;
    }
    return low < stop && this.tokens[low] === token ? low : 0;
  }

  start() {
    return this.advance(0, this.characters.encode("\n")[0][0]);
  }

  advance(state, token) {
    for (let node = state; ; node = this.links[node]) {
      const found = this.find(node, token);
      if (found || !node) return found;
    }
  }

  probability(state, token) {
    let factor = 1;
    for (let node = state; ; node = this.links[node]) {
      const found = this.find(node, token);
      if (found) return factor * this.probabilities[found];
      factor *= this.weights[node];
      if (!node) return factor * this.base[token];
    }
  }

  // the state of at most `longest` characters
  shorten(state, longest) {
    let node = state;
    while (this.lengths[node] > longest) node = this.links[node];
    return node;
  }

  // natural log-probabilities of all tokens; `order` is the number of characters in an n-gram
  logProbs(state, order = Infinity) {
    const result = new Float64Array(this.size);
    let factor = 1;
    for (let node = this.shorten(state, order - 1); ; node = this.links[node]) {
      for (let child = this.children[node]; child < this.children[node + 1]; child += 1) {
        const token = this.tokens[child];
        if (!result[token]) result[token] = factor * this.probabilities[child];
      }
      factor *= this.weights[node];
      if (!node) break;
    }
    return result.map((value, token) => Math.log(value || factor * this.base[token]));
  }

  // the contexts that a prediction uses, the longest first: length, and probability that is left to shorter ones
  contexts(state, order = Infinity) {
    const found = [];
    for (let node = this.shorten(state, order - 1); ; node = this.links[node]) {
      const followers = this.children[node + 1] - this.children[node];
      if (followers) found.push({ length: this.lengths[node], leftover: this.leftovers[node], followers });
      if (!node) return found;
    }
  }
}
