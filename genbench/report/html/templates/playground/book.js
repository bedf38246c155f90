// The training text in the page: what followed a context, how often, and where.

const PASSAGES = 4, BEFORE = 34, AFTER = 30, LISTED = 6, LOOKED_AT = 200000;

class Book {
  constructor(text) {
    this.text = text;
  }

  // the characters after a context, the most frequent first, and some passages
  after(context) {
    const counts = new Map(), places = [];
    let total = 0;
    if (context) {
      for (let at = this.text.indexOf(context); at >= 0 && total < LOOKED_AT; at = this.text.indexOf(context, at + 1)) {
        const next = this.text[at + context.length];
        if (next === undefined) break;
        total += 1;
        counts.set(next, (counts.get(next) || 0) + 1);
        places.push(at);
      }
    }
    const followers = [...counts].sort((a, b) => b[1] - a[1]);
    return {
      total,
      different: followers.length,
      followers: followers.slice(0, LISTED).map(([character, count]) => ({ character, count })),
      passages: this.spread(places).map((at) => this.passage(at, context.length)),
    };
  }

  // some places, from the first to the last
  spread(places) {
    const most = Math.min(PASSAGES, places.length);
    return Array.from({ length: most }, (_, index) => places[Math.floor((index * places.length) / most)]);
  }

  passage(at, length) {
    const part = (start, stop) => this.text.slice(Math.max(0, start), stop).replace(/\s+/g, " ");
    const end = at + length;
    return {
      before: part(at - BEFORE, at), context: part(at, end), next: this.text[end], after: part(end + 1, end + 1 + AFTER),
      place: at / this.text.length,
    };
  }
}
