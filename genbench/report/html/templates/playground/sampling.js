// From log-probabilities to a character: temperature, top-k, top-p and min-p, in the order of genbench/sampling/step.py.

// random numbers from 0 to 1, the same for the same seed (mulberry32)
const randomNumbers = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

// the characters, the most probable first, with their probabilities before and after the controls
const applyControls = (logProbs, { temperature, topK, topP, minP }) => {
  const tokens = Array.from({ length: logProbs.length - BYTES }, (_, index) => BYTES + index);
  tokens.sort((a, b) => logProbs[b] - logProbs[a] || a - b);
  const largest = logProbs[tokens[0]];
  const normalize = (values) => {
    const sum = values.reduce((a, b) => a + b, 0);
    return values.map((value) => value / sum);
  };
  const before = normalize(tokens.map((token) => Math.exp(logProbs[token] - largest)));
  if (temperature === 0) return { tokens, before, after: before.map((_, index) => (index ? 0 : 1)) };

  // each control keeps the most probable characters, of which the order stays the same
  let weights = tokens.map((token) => Math.exp((logProbs[token] - largest) / temperature));
  if (topK) weights = weights.map((weight, index) => (index < topK ? weight : 0));
  if (topP < 1) {
    const limit = topP * weights.reduce((a, b) => a + b, 0);
    let sum = 0;
    weights = weights.map((weight) => {
      const kept = sum < limit ? weight : 0;
      sum += weight;
      return kept;
    });
  }
  if (minP) weights = weights.map((weight) => (weight >= minP * weights[0] ? weight : 0));
  return { tokens, before, after: normalize(weights) };
};

// the place at which the sum of probabilities passes a random number
const choose = (probabilities, random) => {
  let sum = 0;
  const place = probabilities.findIndex((probability) => (sum += probability) > random);
  if (place >= 0) return place;
  return probabilities.reduce((last, probability, index) => (probability > 0 ? index : last), 0);
};
