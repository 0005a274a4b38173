/**
 * A view's two ways to the kernel: the widget's comm, which is there everywhere, and a
 * WebSocket through Jupyter's server, which costs less and goes on while a cell blocks.
 *
 * Served by the Jupyter extension; where there is none, widgets do without. It knows
 * nothing of what is said, but for three things: every message names its page as
 * `client`, `bye` ends a page on the line that it is sent on, and a `reply` answers the
 * `request` of that number.
 *
 * @typedef {(message: any, buffers: DataView[]) => void} Receive
 *
 * @typedef {object} Model what a widget's model and a {@link Line} have in common
 * @property {(name: string) => any} get
 * @property {(message: object) => void} send throws when nobody is there, for good
 * @property {(event: string, callback: (...given: any[]) => void) => void} on
 */

/**
 * Milliseconds between two attempts to open the WebSocket: at first, and at most. A room
 * that was away keeps the place of a page that is a peer for three seconds.
 */
const RETRY_FIRST = 500;
const RETRY_LAST = 2000;

/** What a call that ends says to its pages (RFC 6455, section 7.4.1). */
const GOING_AWAY = 1001;

/** Milliseconds of silence after which the kernel is asked whether it is there. */
const SILENCE = 5000;

/** Milliseconds that it may take to answer that. */
const PATIENCE = 4000;

const LOST = "The connection was lost before the kernel answered. Look whether it was done.";

/**
 * Give what takes the place of a widget's model.
 *
 * @param {Model} model its trait `address` is the WebSocket's, below this module's parent
 */
export const reach = (model) => new Line(model);

/**
 * A line to the kernel that is a WebSocket whenever there is one, and else the model.
 *
 * Events: `msg:custom`, as of a model; `comm_live_update` when whoever is at the other
 * end may not know this page any more, so that it has to say hello.
 */
class Line {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** While it is open. @type {WebSocket|null} */
    this.socket = null;
    /** While it is being opened. @type {WebSocket|null} */
    this.dialling = null;
    this.client = "";
    /** Requests that went over the WebSocket and were not answered. @type {Set<number>} */
    this.unanswered = new Set();
    this.pause = RETRY_FIRST;
    this.retry = 0;
    this.heard = 0;
    this.asked = 0;
    this.ended = false;
    /** @type {Map<string, ((...given: any[]) => void)[]>} */
    this.listeners = new Map();
    model.on("msg:custom", (message, buffers) => {
      // All pages share the comm. What names this one is said nowhere else: it was asked
      // or sent on before the kernel knew of the move.
      const isForUs = message.client !== undefined && message.client === this.client;
      if (!this.socket || isForUs) this.tell("msg:custom", message, buffers);
    });
    model.on("comm_live_update", () => this.socket || this.tell("comm_live_update"));
    /** Set once somebody has something to say: a view that nobody opens needs no line. */
    this.watching = 0;
  }

  /** @param {string} name */
  get(name) {
    return this.model.get(name);
  }

  /**
   * @param {string} event
   * @param {(...given: any[]) => void} callback
   */
  on(event, callback) {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), callback]);
  }

  /** @param {{client: string, request?: number}} message */
  send(message) {
    this.client = message.client;
    if (!this.watching) {
      this.watching = setInterval(() => this.watch(), 1000);
      this.dial();
    }
    if (!this.socket) return this.sendToModel(message);
    if (message.request !== undefined) this.unanswered.add(message.request);
    this.socket.send(JSON.stringify(message));
  }

  /** @param {object} message */
  sendToModel(message) {
    try {
      this.model.send(message);
    } catch (error) {
      this.hangUp(); // the comm is disposed, and the address is of a kernel that is gone
      throw error;
    }
  }

  /** No WebSocket any more. */
  hangUp() {
    this.ended = true;
    clearInterval(this.watching);
    clearTimeout(this.retry);
    this.dialling?.close();
    this.socket?.close();
  }

  dial() {
    const address = this.model.get("address");
    if (this.ended || !address) return; // the call is over
    const url = new URL(`../${address}`, import.meta.url);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened(socket);
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = ({ code }) => this.lost(socket, code);
    this.dialling = socket;
  }

  /** @param {WebSocket} socket */
  opened(socket) {
    try {
      if (this.client) this.sendToModel({ type: "bye", client: this.client });
    } catch {
      return; // the widget is gone, and so is the line
    }
    this.socket = socket;
    this.dialling = null;
    this.heard = performance.now();
    this.tell("comm_live_update");
  }

  /**
   * @param {WebSocket} socket
   * @param {number} [code] with which it was closed (RFC 6455, section 7.4)
   */
  lost(socket, code) {
    socket.onclose = socket.onmessage = null;
    const wasOpen = this.socket === socket;
    this.socket = this.dialling = null;
    if (this.ended) return;
    // A goodbye: it will not be back at once, if ever, and the address goes with it.
    if (code === GOING_AWAY) this.pause = RETRY_LAST;
    this.retry = setTimeout(() => this.dial(), this.pause);
    this.pause = Math.min(2 * this.pause, RETRY_LAST);
    if (!wasOpen) return;
    const { client } = this;
    for (const request of this.unanswered) {
      this.tell("msg:custom", { type: "reply", client, request, ok: false, message: LOST }, []);
    }
    this.unanswered.clear();
    this.tell("comm_live_update");
  }

  /** @param {string|ArrayBuffer} data */
  receive(data) {
    this.heard = performance.now();
    this.pause = RETRY_FIRST;
    const [message, buffers] = typeof data === "string" ? [JSON.parse(data), []] : unpack(data);
    if (message.type === "pong") return;
    if (message.type === "reply") this.unanswered.delete(message.request);
    this.tell("msg:custom", message, buffers);
  }

  /** A network that is gone closes no WebSocket: nobody says so. */
  watch() {
    const { socket } = this;
    if (!socket) return;
    const now = performance.now();
    const asking = this.asked > this.heard;
    if (asking && now - this.asked > PATIENCE) {
      socket.close();
      this.lost(socket);
    } else if (!asking && now - this.heard > SILENCE) {
      this.asked = now;
      socket.send(JSON.stringify({ type: "ping" }));
    }
  }

  /**
   * @param {string} event
   * @param {...any} given
   */
  tell(event, ...given) {
    this.listeners.get(event)?.forEach((callback) => callback(...given));
  }
}

/**
 * A binary frame: the header's length, the header with the buffers' lengths, the buffers.
 *
 * @param {ArrayBuffer} data
 * @returns {[any, DataView[]]}
 */
function unpack(data) {
  const length = new DataView(data).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const buffers = header.lengths.map((/** @type {number} */ size) => {
    at += size;
    return new DataView(data, at - size, size);
  });
  return [header, buffers];
}
