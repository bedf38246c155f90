// The training text in the page: what followed a context, how often, and where.

const PASSAGES = 4, BEFORE = 34, AFTER = 30, LISTED = 6;

class Book {
  constructor(text) {
    this.text = text;
  }

  // the characters after a context, the most frequent first, and some passages
  after(context) {
    const { counts, places } = context ? this.find(context) : { counts: this.characters(), places: [] };
    const followers = [...counts].sort((a, b) => b[1] - a[1]);
    return {
      total: followers.reduce((sum, [, count]) => sum + count, 0),
      different: followers.length,
      followers: followers.slice(0, LISTED).map(([character, count]) => ({ character, count })),
      passages: this.spread(places).map((at) => this.passage(at, context.length)),
    };
  }

  // how often each character followed a context, and the places of the context
  find(context) {
    const counts = new Map(), places = [];
    for (let at = this.text.indexOf(context); at >= 0; at = this.text.indexOf(context, at + 1)) {
      const next = this.character(at + context.length);
      if (!next) break;
      counts.set(next, (counts.get(next) || 0) + 1);
      places.push(at);
    }
    return { counts, places };
  }

  // the character at a place, "" after the end
  character(at) {
    return at < this.text.length ? String.fromCodePoint(this.text.codePointAt(at)) : "";
  }

  // how often each character occurs
  characters() {
    if (!this.counts) {
      this.counts = new Map();
      for (const character of this.text) this.counts.set(character, (this.counts.get(character) || 0) + 1);
    }
    return this.counts;
  }

  // some places, from the first to the last
  spread(places) {
    const most = Math.min(PASSAGES, places.length);
    return Array.from({ length: most }, (_, index) => places[Math.floor((index * places.length) / most)]);
  }

  passage(at, length) {
    const part = (start, stop) => this.text.slice(Math.max(0, start), stop).replace(/\s+/g, " ");
    const end = at + length, next = this.character(end), rest = end + next.length;
    return {
      before: part(at - BEFORE, at), context: part(at, end), next, after: part(rest, rest + AFTER),
      place: at / this.text.length,
    };
  }
}
