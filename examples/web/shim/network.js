// WebSockets that are counted: a process ends when the last one has said goodbye.

/** How long a goodbye may take, ms. */
const FAREWELL = 2000;

/** Node's own, or that of the package `ws` where Node has none. */
const Base = /** @type {typeof globalThis.WebSocket} */ (globalThis.WebSocket ?? (await import('ws')).WebSocket);

export class Network {
  /** @type {Set<WebSocket>} */ #open = new Set();
  #everOpened = false;
  /** @type {(() => void) | null} */ #waiting = null;

  /** @param {() => void} unreachable called where the first connection can't be opened */
  constructor(unreachable) {
    const network = this;
    this.WebSocket = class extends Base {
      /**
       * @param {string | URL} url
       * @param {string | string[]} [protocol]
       */
      constructor(url, protocol) {
        // @ts-expect-error: `ws` offers compression unless told not to; browsers' own take no third argument
        super(url, protocol, { perMessageDeflate: false });
        network.#open.add(this);
        this.addEventListener('open', () => (network.#everOpened = true));
        this.addEventListener('close', () => {
          network.#open.delete(this);
          if (!network.#everOpened) unreachable();
          if (network.#open.size === 0) network.#waiting?.();
        });
      }
    };
  }

  /** Until every connection is closed, or has had time enough to be. */
  async closed() {
    if (this.#open.size === 0) return;
    await new Promise((resolve) => {
      this.#waiting = () => resolve(undefined);
      setTimeout(resolve, FAREWELL);
    });
  }
}
