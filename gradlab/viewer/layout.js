// Where each character stands: lines of the text, broken to a width, and the panes side by side or, where it is
// narrow, one below the other.
"use strict";

const LABEL = 5, LINE = 20, TRACE = 18, CHOICE = 14, RANK = 14, GAP = 6, PAUSE = 24, CHOICES = 5;

class Layout {
  static NARROW = 640;

  // Of a window of some pixels, for so many panes; `advance` is how wide a letter is.
  constructor({ width, height, panes, predictions, advance }) {
    Object.assign(this, { width, height, panes, predictions, advance });
    this.cell = predictions ? 16 : Math.round(advance);
    this.sideways = width >= Layout.NARROW;
    this.gutter = this.sideways ? 46 : 4;
    this.pane = this.sideways ? (width - PAUSE * (panes - 1)) / panes : width;
    this.columns = Math.max(4, Math.floor((this.pane - this.gutter - 4) / this.cell));
    this.one = LABEL + LINE + TRACE + GAP + (predictions ? CHOICES * CHOICE + RANK : 0);
    this.row = this.sideways ? this.one : this.one * panes + GAP;
    this.begins = [];
    this.ends = [];
    // Numbers of lines where one begins, and files where one is headed.
    this.numbers = [];
    this.heads = new Map();
    this.break();
  }

  break() {
    const { codes, facts, symbols } = Study;
    const breaks = symbols.map((symbol) => symbol === "\n");
    const files = new Map(facts.files.map((file) => [file.start, file]));
    let [begin, number, fresh] = [0, 0, true];
    const push = (end) => {
      if (fresh) number++;
      this.begins.push(begin);
      this.ends.push(end);
      this.numbers.push(fresh ? number : 0);
      begin = end;
    };
    for (let i = 0; i < codes.length; i++) {
      if (files.has(i)) {
        if (begin < i) push(i);
        this.heads.set(this.begins.length, files.get(i));
        [fresh, number] = [false, 0];
        push(i);
        fresh = true;
      }
      const ends = breaks[codes[i]];
      if (ends || i + 1 - begin === this.columns || i + 1 === codes.length) {
        push(i + 1);
        fresh = ends;
      }
    }
  }

  get count() {
    return this.begins.length;
  }

  // The row of a character: of those that begin at or before it, the last.
  rowOf(at) {
    let [low, high] = [0, this.count - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.begins[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // The character so many lines below another, or above.
  below(at, lines) {
    const here = this.rowOf(at);
    let row = here + lines;
    if (this.heads.has(row)) row += Math.sign(lines);
    if (row < 0 || row >= this.count) return at;
    return Math.min(this.ends[row] - 1, this.begins[row] + at - this.begins[here]);
  }

  // Left and upper end of a pane's characters in a row that begins at `y`.
  corner(pane, y) {
    return this.sideways ? [pane * (this.pane + PAUSE) + this.gutter, y] : [this.gutter, y + pane * this.one];
  }

  // What lies at a point: the character, the pane, and which of the predictions, or -1.
  hit(x, y) {
    const row = Math.floor(y / this.row);
    if (!(row >= 0 && row < this.count)) return null;
    const below = y - row * this.row;
    const far = Math.floor(this.sideways ? x / (this.pane + PAUSE) : below / this.one);
    const pane = Math.min(this.panes - 1, Math.max(0, far));
    const [left, top] = this.corner(pane, 0);
    const column = Math.floor((x - left) / this.cell);
    const at = this.begins[row] + column;
    if (column < 0 || at >= this.ends[row]) return null;
    const rank = Math.floor((below - top - LABEL - LINE - TRACE) / CHOICE);
    return { at, pane, rank: this.predictions && rank >= 0 && rank < CHOICES ? rank : -1 };
  }
}
