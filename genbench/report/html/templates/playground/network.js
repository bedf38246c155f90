// A recurrent network: LSTM, GRU or RNN over characters, with an output layer and a softmax (genbench/web/packed_network.py).
//
// A state has the output h of each layer, then for an LSTM the cell c of each layer; a step returns a new one.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const GATE_NAMES = { lstm: ["input", "forget", "output"], gru: ["reset", "update"], rnn: [] };
const GATES = { lstm: 4, gru: 3, rnn: 1 };

// a matrix with its rows one after the other
class Matrix {
  constructor(reader, rows, columns, bits) {
    this.rows = rows;
    this.columns = columns;
    this.values = Float32Array.from(reader.read(bits === 8 ? "i1" : "f2", rows * columns));
    if (bits !== 8) return;
    const scales = reader.read("f4", rows);
    for (let row = 0; row < rows; row += 1) {
      for (let at = row * columns; at < (row + 1) * columns; at += 1) this.values[at] *= scales[row];
    }
  }

  row(number) {
    return this.values.subarray(number * this.columns, (number + 1) * this.columns);
  }

  // the product with a vector, plus a bias; four sums at once keep the processor busy
  times(vector, bias) {
    const { values, columns } = this, result = new Float64Array(this.rows);
    for (let row = 0, at = 0; row < this.rows; row += 1) {
      let a = 0, b = 0, c = 0, d = 0, column = 0;
      for (; column + 3 < columns; column += 4, at += 4) {
        a += values[at] * vector[column];
        b += values[at + 1] * vector[column + 1];
        c += values[at + 2] * vector[column + 2];
        d += values[at + 3] * vector[column + 3];
      }
      for (; column < columns; column += 1, at += 1) a += values[at] * vector[column];
      result[row] = a + b + c + d + bias[row];
    }
    return result;
  }
}

class Network {
  constructor(spec, bytes, characters) {
    Object.assign(this, { characters, size: characters.size, cell: spec.cell, hidden: spec.hidden, count: spec.layers });
    const reader = new ByteReader(bytes), rows = GATES[spec.cell] * spec.hidden;
    this.embedding = new Matrix(reader, spec.size, spec.inputs, spec.bits);
    this.layers = Array.from({ length: spec.layers }, (_, layer) => ({
      input: new Matrix(reader, rows, layer ? spec.hidden : spec.inputs, spec.bits),
      state: new Matrix(reader, rows, spec.hidden, spec.bits),
      inputBias: reader.read("f4", rows),
      stateBias: reader.read("f4", rows),
    }));
    this.output = new Matrix(reader, spec.outputs, spec.hidden, spec.bits);
    this.bias = reader.read("f4", spec.outputs);
    this.projected = new Map();  // the first layer's products with the vector of each token
    this.gates = GATE_NAMES[spec.cell].map(() => new Float64Array(spec.hidden));  // of the last layer, last step
  }

  start() {
    const zeros = new Float64Array(this.hidden * this.count * (this.cell === "lstm" ? 2 : 1));
    return this.characters.encode("\n")[0].reduce((state, token) => this.advance(state, token), zeros);
  }

  advance(state, token) {
    const next = new Float64Array(state.length), n = this.hidden;
    let inputs = this.project(token);
    this.layers.forEach((layer, number) => {
      const at = number * n, h = state.subarray(at, at + n), after = next.subarray(at, at + n);
      if (number) inputs = layer.input.times(next.subarray(at - n, at), layer.inputBias);
      const states = layer.state.times(h, layer.stateBias);
      const c = (values) => values.subarray((this.count + number) * n, (this.count + number + 1) * n);
      if (this.cell === "lstm") this.stepLSTM(inputs, states, c(state), after, c(next));
      else if (this.cell === "gru") this.stepGRU(inputs, states, h, after);
      else for (let unit = 0; unit < n; unit += 1) after[unit] = Math.tanh(inputs[unit] + states[unit]);
    });
    return next;
  }

  stepLSTM(inputs, states, c, h, memory) {
    const n = this.hidden, [input, forget, output] = this.gates;
    for (let unit = 0; unit < n; unit += 1) {
      const sum = (gate) => inputs[gate * n + unit] + states[gate * n + unit];
      input[unit] = sigmoid(sum(0));
      forget[unit] = sigmoid(sum(1));
      output[unit] = sigmoid(sum(3));
      memory[unit] = forget[unit] * c[unit] + input[unit] * Math.tanh(sum(2));
      h[unit] = output[unit] * Math.tanh(memory[unit]);
    }
  }

  stepGRU(inputs, states, h, after) {
    const n = this.hidden, [reset, update] = this.gates;
    for (let unit = 0; unit < n; unit += 1) {
      reset[unit] = sigmoid(inputs[unit] + states[unit]);
      update[unit] = sigmoid(inputs[n + unit] + states[n + unit]);
      const candidate = Math.tanh(inputs[2 * n + unit] + reset[unit] * states[2 * n + unit]);
      after[unit] = (1 - update[unit]) * candidate + update[unit] * h[unit];
    }
  }

  project(token) {
    if (!this.projected.has(token)) {
      const { input, inputBias } = this.layers[0];
      this.projected.set(token, input.times(this.embedding.row(token), inputBias));
    }
    return this.projected.get(token);
  }

  // the memory of the last layer: the cell of an LSTM, the output of the others
  memory(state) {
    return state.subarray(state.length - this.hidden);
  }

  // natural log-probabilities of all tokens; the first output is shared by the 256 bytes
  logProbs(state) {
    const last = (this.count - 1) * this.hidden;
    const scores = this.output.times(state.subarray(last, last + this.hidden), this.bias);
    const largest = scores.reduce((a, b) => Math.max(a, b));
    const total = largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
    const result = new Float64Array(this.size).fill(scores[0] - total - Math.log(BYTES));
    for (let output = 1; output < scores.length; output += 1) result[BYTES + output - 1] = scores[output] - total;
    return result;
  }
}
