// Characters as tokens: 0 to 255 are the bytes of UTF-8, with which unknown characters are spelled; letters follow.

const BYTES = 256;

class Characters {
  constructor(letters) {
    this.letters = [...letters];
    this.ids = new Map(this.letters.map((letter, index) => [letter, BYTES + index]));
    this.size = BYTES + this.letters.length;
  }

  // the tokens of each character of a text: one, or the bytes of an unknown character
  encode(text) {
    return [...text].map((character) => {
      const id = this.ids.get(character);
      return id === undefined ? [...new TextEncoder().encode(character)] : [id];
    });
  }

  decode(token) {
    return token < BYTES ? "\ufffd" : this.letters[token - BYTES];
  }
}
