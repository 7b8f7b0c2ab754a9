// What goes out: one JSON object a line (spec/shim.md, sections 2 and 5).

/** @typedef {Record<string, unknown>} Line */

export class Printer {
  #stream;
  #closed = false;
  /** Lines wait for what has to be worked out for those before them. @type {Promise<void>} */
  #queue = Promise.resolve();

  constructor(/** @type {NodeJS.WriteStream} */ stream) {
    this.#stream = stream;
    stream.on('error', () => process.exit(1));
  }

  /**
   * Prints a line, or what a promise of one comes to; nothing for one that comes to null.
   * @param {Line | Promise<Line | null>} line
   */
  print(line) {
    this.#queue = this.#queue.then(async () => {
      const worked = await line;
      if (worked !== null && !this.#closed) this.#write(worked);
    });
    return this.#queue;
  }

  /** Drops what has not been printed yet. What is printed is all there is. */
  last(/** @type {Line[]} */ lines) {
    if (this.#closed) return;
    this.#closed = true;
    for (const line of lines) this.#write(line);
  }

  /** Until everything has been printed. */
  async close() {
    await this.#queue;
    await new Promise((resolve) => this.#stream.end(() => resolve(undefined)));
  }

  #write(/** @type {Line} */ line) {
    // JSON escapes the control characters below U+0020; a terminal heeds those above, too.
    const text = JSON.stringify(line).replace(/[\u007f-\u009f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`);
    this.#stream.write(`${text}\n`);
  }
}
