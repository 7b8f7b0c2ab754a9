// Server-sent events, as far as a relay sends them: the format of the HTML standard, read from bytes.

/** A frame from a relay, and what may stand round it, in UTF-16 units. */
const MOST = 2 ** 20 + 1024;

export class EventStream {
  #decoder = new TextDecoder();
  #event;
  #rest = '';
  /** @type {string[]} */ #data = [];

  /**
   * @param {(data: string) => void} event
   */
  constructor(event) {
    this.#event = event;
  }

  /** Throws where no event ends in what a relay may send at most. */
  push(/** @type {Uint8Array} */ bytes) {
    // A carriage return at the very end may be half of a line's end.
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MOST) throw new Error('an event without end');
    for (const line of lines) this.#line(line);
  }

  #line(/** @type {string} */ line) {
    if (line === '') {
      const data = this.#data.splice(0);
      if (data.length > 0) this.#event(data.join('\n'));
    } else if (line.startsWith('data:')) {
      this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
      if (this.#data.length > 64) throw new Error('an event without end');
    }
    // Ids are known from the frames themselves; comments only keep the connection in use.
  }
}
