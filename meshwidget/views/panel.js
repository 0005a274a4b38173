/**
 * The page's side of a view: the tiles, and for the panel what is around them.
 *
 * One plain ES module, used by both widgets; the trait `controls` says whether it is
 * a panel. One class for each thing, in this order: `Feed`, the conversation with
 * the kernel, one per model and page; `Painter`, from bytes to the screen, with
 * `Still` and `Video`, the two ways of decoding; `View`, one place on the page that
 * shows the feed; `Tile`; `Menu`, of what can be broken on purpose.
 *
 * Names and sentences come from outside: they are set as text, never as markup.
 *
 * @typedef {object} TileMessage
 * @property {string} key
 * @property {string} viewer
 * @property {string} peer
 * @property {boolean} local
 * @property {"live"|"waiting"|"stale"|"stopped"|"down"|"blank"} state
 * @property {string|null} connection the W3C's connectionState; null of an own picture
 * @property {string} text what the tile says about itself
 * @property {string} fault what is wrong on purpose, in words; empty when nothing is
 * @property {string} label the whole tile in words
 * @property {number|null} level the sound, 0 to 1
 * @property {string} level_text
 * @property {boolean} removable
 *
 * @typedef {object} StateMessage
 * @property {string} room
 * @property {number} max_peers
 * @property {string} address
 * @property {number} count
 * @property {string[]} viewers
 * @property {string|null} viewer
 * @property {number|null} rate
 * @property {string} status
 * @property {boolean} warning
 * @property {boolean} closed
 * @property {TileMessage[]} tiles
 *
 * @typedef {object} PictureMessage what is said of one of a message's buffers
 * @property {string} tile
 * @property {"jpeg"|"vp8"} format
 * @property {boolean} key of VP8: whether it can be decoded without any other
 * @property {number} timestamp of VP8: its RTP timestamp, 90,000 a second
 *
 * @typedef {{ok: boolean, message: string, menu?: MenuSection[]}} Reply
 *
 * @typedef {{heading: string, state: string, entries: MenuEntry[]}} MenuSection
 *
 * @typedef {object} MenuEntry
 * @property {string} label
 * @property {string} title what it does, as a sentence
 * @property {string} [state] how that which it opens is, in words
 * @property {[string, string]} [opens] the link whose menu it opens
 * @property {string[]} [names] what it is done to
 * @property {string} [key] what it is called to the kernel
 * @property {FormField[]} [form] what is asked for before
 *
 * @typedef {object} FormField a number; with options, one of those
 * @property {string} name
 * @property {string} label
 * @property {number|string|null} value
 * @property {number} [least]
 * @property {number} [most]
 * @property {[string|null, string][]} [options] values and their words
 *
 * @typedef {ImageBitmap|VideoFrame} Picture drawn on a canvas, then closed
 * @typedef {{decode(): Promise<Picture|null>, close(): void}} Encoded decoded or closed
 */

const EVERYONE = "*";

/** Messages that may wait for decoding, and pictures that may wait for a paint. */
const QUEUE_LIMIT = 3;

/** Milliseconds after which a message that waits for a paint is passed over. */
const LATE = 100;

/** Pictures that may wait in a tile's decoder; more, and it has fallen behind. */
const DECODER_LIMIT = 12;

const VP8 = {
  codec: "vp8",
  // What every sender of a call means, browsers included. A stream of VP8 does not say,
  // and browsers would take it for HDTV's (BT.709).
  colorSpace: {
    primaries: "smpte170m",
    transfer: "smpte170m",
    matrix: "smpte170m",
    fullRange: false,
  },
  optimizeForLatency: true,
  hardwareAcceleration: "prefer-software", // there are few others, and tiles are small
};

/**
 * Each message to the kernel makes JupyterLab redraw its busy marks, icon of the tab
 * included, which costs more than a tile. So at full rate every second message is
 * acknowledged, for both; when they come slowly each is, at once.
 */
const ACKNOWLEDGE_EVERY = 2;
const ACKNOWLEDGE_WITHIN = 50; // ms

/** Tiles that one message names as hidden: it may have 64 KiB. */
const HIDDEN_LIMIT = 500;

/** Milliseconds without a word, while pictures should come, until the view says so. */
const SILENCE = 2500;

/** Or else JupyterLab takes Enter, letters and arrows for the notebook's own. */
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const KERNEL_GONE = "The kernel is gone. Run the cell again.";
const KERNEL_SILENT =
  "The kernel does not answer: it is busy. Pictures and buttons go on when it is done.";

export default () => {
  /** @type {Feed} */
  let feed;
  return {
    /** @param {{model: any}} context */
    async initialize({ model }) {
      feed = new Feed(...(await Promise.all([reach(model), findCodecs()])));
      return () => feed.close();
    },
    /** @param {{model: any, el: HTMLElement}} context */
    render({ model, el }) {
      const view = new View(feed, el, model.get("controls"), model.get("matrix"));
      return () => view.close();
    },
  };
};

/**
 * The model, or what takes its place where Jupyter's server has meshwidget's extension:
 * a line that moves to a WebSocket when there is one.
 *
 * @param {any} model
 */
async function reach(model) {
  try {
    const config = document.getElementById("jupyter-config-data")?.textContent;
    const base = config ? JSON.parse(config).baseUrl : document.body.dataset.baseUrl;
    if (!base || !model.get("address")) return model;
    const url = new URL(`${base}meshwidget/static/transport.js`, location.href);
    return (await import(url.href)).reach(model);
  } catch {
    return model; // there is no extension
  }
}

/** The conversation with the kernel. */
class Feed {
  /**
   * @param {any} model of the widget, or what takes its place
   * @param {string[]} codecs
   */
  constructor(model, codecs) {
    this.model = model;
    this.codecs = codecs;
    this.client = randomId();
    /** @type {Set<View>} */
    this.views = new Set();
    this.painter = new Painter(this);
    /** @type {StateMessage|null} */
    this.state = null;
    /** What keeps the kernel from answering, in words. */
    this.trouble = "";
    this.gone = false;
    this.visible = false;
    /** Keys of the tiles that are not on the screen. @type {string[]} */
    this.hidden = [];
    this.heard = performance.now();
    this.lastRequest = 0;
    /** @type {Map<number, (reply: Reply) => void>} */
    this.requests = new Map();

    this.ending = new AbortController();
    const { signal } = this.ending;
    model.on("msg:custom", (/** @type {any} */ message, /** @type {DataView[]} */ buffers) =>
      this.receive(message, buffers),
    );
    model.on("comm_live_update", () => this.greet());
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    window.addEventListener("pagehide", () => this.say({ type: "bye" }), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.greet(), {
      signal,
    });
    this.listening = setInterval(() => this.listenForSilence(), 1000);
    this.greet();
  }

  close() {
    this.say({ type: "bye" });
    clearInterval(this.listening);
    this.ending.abort();
    this.painter.clear();
    this.painter.keep([]);
    this.model.hangUp?.();
  }

  greet() {
    if (this.ending.signal.aborted) return;
    this.visible = false;
    this.hidden = [];
    this.painter.clear();
    this.say({ type: "hello", codecs: this.codecs });
    this.look();
  }

  /** @param {object} message */
  say(message) {
    try {
      this.model.send({ ...message, client: this.client });
      this.gone = false;
    } catch {
      this.gone = true; // the comm is disposed: the kernel restarted or died
      this.setTrouble(KERNEL_GONE);
      for (const request of this.requests.keys()) {
        this.settle(request, { ok: false, message: KERNEL_GONE });
      }
    }
  }

  /**
   * @param {{type: "join"|"exit"|"menu"|"fault", [field: string]: any}} message
   * @returns {Promise<Reply>}
   */
  request(message) {
    const request = ++this.lastRequest;
    return new Promise((resolve) => {
      this.requests.set(request, resolve);
      this.say({ ...message, request });
    });
  }

  /**
   * @param {number} request
   * @param {Reply} reply
   */
  settle(request, reply) {
    this.requests.get(request)?.(reply);
    this.requests.delete(request);
  }

  /** Tell the kernel whether anybody can see any of the views, and what, if that changed. */
  look() {
    const shown = [...this.views].filter((view) => view.onScreen);
    const visible = shown.length > 0 && document.visibilityState === "visible";
    const keys = this.state?.tiles.map((tile) => tile.key) ?? [];
    const hidden = keys.filter((key) => !shown.some((view) => view.tiles.get(key)?.onScreen));
    const same = hidden.join() === this.hidden.join();
    if (visible === this.visible && (same || !visible)) return;
    if (visible !== this.visible) this.heard = performance.now();
    this.visible = visible;
    this.hidden = hidden;
    if (visible) hidden.forEach((key) => this.painter.stop(key));
    else this.painter.clear();
    this.sayVisibility();
  }

  sayVisibility() {
    const { visible, hidden } = this;
    this.say({ type: "visibility", visible, hidden: hidden.slice(0, HIDDEN_LIMIT) });
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    this.heard = performance.now();
    this.setTrouble("");
    switch (message.type) {
      case "frames":
        // All pages share one comm: these may be for one that is looked at.
        if (this.visible) this.painter.push(message.sequence, message.pictures, buffers);
        break;
      case "state":
        this.state = message;
        this.painter.keep(message.tiles.map((tile) => tile.key));
        this.views.forEach((view) => view.update());
        break;
      case "reply":
        // All pages share one comm; the number belongs to the page that asked.
        if (message.client === this.client) this.settle(message.request, message);
        break;
      case "refused":
        console.error(`meshwidget: ${message.message}`);
        break;
    }
  }

  listenForSilence() {
    const expecting =
      this.visible &&
      this.state?.closed === false &&
      this.state.tiles.some((tile) => tile.state === "live");
    if (!expecting || performance.now() - this.heard < SILENCE) return;
    this.setTrouble(KERNEL_SILENT);
    this.sayVisibility(); // the kernel answers when it can
  }

  /** @param {string} trouble */
  setTrouble(trouble) {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.views.forEach((view) => view.update());
  }
}

/**
 * Has pictures decoded and paints them, in order, one message an animation frame.
 *
 * Both queues are short. A message that falls out hands its pictures on to the next,
 * so that no tile misses its last one. What is painted is acknowledged.
 */
class Painter {
  /** @param {Feed} feed */
  constructor(feed) {
    this.feed = feed;
    /** @type {{sequence: number, received: number, pictures: Map<string, Encoded>}[]} */
    this.encoded = [];
    /** @type {{sequence: number, received: number, pictures: Map<string, Picture>}[]} */
    this.decoded = [];
    this.decoding = false;
    this.frame = 0;
    /** The number of the last message. */
    this.sequence = 0;
    /** Messages painted and not acknowledged, and when the last one was painted. */
    this.owed = 0;
    this.painted = 0;
    this.acknowledging = 0;
    /** The tiles that get video. @type {Map<string, Video>} */
    this.videos = new Map();
    /** What each tile shows, for views that are opened later. @type {Map<string, Picture>} */
    this.latest = new Map();
  }

  /**
   * @param {number} sequence
   * @param {PictureMessage[]} messages
   * @param {DataView[]} buffers
   */
  push(sequence, messages, buffers) {
    if (sequence !== this.sequence + 1) this.videos.forEach((video) => video.miss());
    this.sequence = sequence;
    /** @type {Map<string, Encoded>} */
    const pictures = new Map();
    messages.forEach((message, index) => {
      const { tile } = message;
      pictures.get(tile)?.close();
      pictures.set(tile, this.take(message, buffers[index]));
    });
    this.encoded.push({ sequence, received: performance.now(), pictures });
    shorten(this.encoded);
    this.decode();
  }

  /**
   * @param {PictureMessage} message
   * @param {DataView} bytes
   * @returns {Encoded}
   */
  take(message, bytes) {
    const { tile } = message;
    if (message.format === "jpeg") {
      this.stop(tile);
      return new Still(bytes);
    }
    let video = this.videos.get(tile);
    if (!video) {
      video = new Video((failed) => this.feed.say({ type: "undecodable", tiles: [tile], failed }));
      this.videos.set(tile, video);
    }
    return video.take(bytes, message.key, message.timestamp);
  }

  async decode() {
    if (this.decoding) return;
    this.decoding = true;
    for (let next = this.encoded.shift(); next; next = this.encoded.shift()) {
      const { sequence, received } = next;
      /** @type {Map<string, Picture>} */
      const pictures = new Map();
      await Promise.all(
        [...next.pictures].map(async ([key, encoded]) => {
          const picture = await encoded.decode();
          if (picture) pictures.set(key, picture);
        }),
      );
      this.decoded.push({ sequence, received, pictures });
      shorten(this.decoded);
      this.frame ||= requestAnimationFrame(() => this.paint());
    }
    this.decoding = false;
  }

  paint() {
    this.frame = 0;
    const late = performance.now() - LATE;
    while (this.decoded.length > 1 && this.decoded[0].received < late) handOn(this.decoded);
    const next = this.decoded.shift();
    if (!next) return;
    if (this.feed.ending.signal.aborted) return next.pictures.forEach((each) => each.close());
    if (this.decoded.length) this.frame = requestAnimationFrame(() => this.paint());
    for (const [key, picture] of next.pictures) {
      this.feed.views.forEach((view) => view.tiles.get(key)?.paint(picture));
      this.latest.get(key)?.close();
      this.latest.set(key, picture);
    }
    this.acknowledge(next.sequence);
  }

  /** @param {number} sequence */
  acknowledge(sequence) {
    const now = performance.now();
    const slow = now - this.painted > ACKNOWLEDGE_WITHIN;
    this.painted = now;
    this.owed += 1;
    clearTimeout(this.acknowledging);
    const send = () => {
      this.owed = 0;
      this.feed.say({ type: "ack", sequence });
    };
    if (slow || this.owed >= ACKNOWLEDGE_EVERY) send();
    else this.acknowledging = setTimeout(send, ACKNOWLEDGE_WITHIN);
  }

  /** Forget the pictures of tiles that are no more. @param {string[]} keys */
  keep(keys) {
    for (const [key, picture] of this.latest) {
      if (keys.includes(key)) continue;
      picture.close();
      this.latest.delete(key);
    }
    for (const key of this.videos.keys()) if (!keys.includes(key)) this.stop(key);
  }

  /** No video comes for a tile, for now; it begins again with a keyframe. @param {string} key */
  stop(key) {
    this.videos.get(key)?.close();
    this.videos.delete(key);
  }

  /** Forget what nobody has seen; the kernel sends it again to whoever looks. */
  clear() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.acknowledging);
    this.frame = this.owed = 0;
    for (const { pictures } of [...this.encoded.splice(0), ...this.decoded.splice(0)]) {
      pictures.forEach((picture) => picture.close());
    }
    for (const key of this.videos.keys()) this.stop(key);
  }
}

/** A picture that stands for itself, as JPEG. */
class Still {
  /** @param {DataView} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  /** @returns {Promise<Picture|null>} */
  async decode() {
    try {
      return await decodeJpeg(this.bytes);
    } catch (error) {
      console.error(`meshwidget: a picture cannot be decoded: ${error.message}`);
      return null;
    }
  }

  close() {}
}

/**
 * The video of one tile, as the link brought it: each picture needs the one before.
 *
 * It begins with a keyframe. When one was missed, or the decoder fails or falls behind,
 * it says so and waits for the next keyframe.
 */
class Video {
  /** @param {(failed: boolean) => void} needKeyframe */
  constructor(needKeyframe) {
    this.needKeyframe = needKeyframe;
    /** What the decoder has not given yet. @type {{timestamp: number, give: (picture: VideoFrame|null) => void}[]} */
    this.awaited = [];
    /** Whether there is something to build the next picture on. */
    this.begun = false;
    this.decoder = this.makeDecoder();
  }

  makeDecoder() {
    const decoder = new VideoDecoder({
      output: (picture) => this.give(picture),
      error: (error) => this.decoder === decoder && this.fail(error),
    });
    decoder.configure(VP8);
    return decoder;
  }

  /**
   * @param {DataView} data
   * @param {boolean} isKeyframe
   * @param {number} rtpTimestamp
   * @returns {Encoded}
   */
  take(data, isKeyframe, rtpTimestamp) {
    if (isKeyframe) this.begun = true;
    if (this.begun && this.decoder.decodeQueueSize > DECODER_LIMIT) this.restart(false);
    if (!this.begun) return { decode: async () => null, close() {} };
    const timestamp = Math.round(rtpTimestamp / 0.09); // microseconds
    const picture = new Promise((give) => this.awaited.push({ timestamp, give }));
    const type = isKeyframe ? "key" : "delta";
    try {
      this.decoder.decode(new EncodedVideoChunk({ type, timestamp, data }));
    } catch (error) {
      this.fail(error); // it is no VP8 at all
    }
    return { decode: () => picture, close: () => picture.then((each) => each?.close()) };
  }

  /** @param {VideoFrame} picture */
  give(picture) {
    for (let next = this.awaited.shift(); next; next = this.awaited.shift()) {
      if (next.timestamp === picture.timestamp) return next.give(picture);
      next.give(null); // not meant to be seen
    }
    picture.close();
  }

  /** Something did not arrive. */
  miss() {
    if (!this.begun) return;
    this.begun = false;
    this.needKeyframe(false);
  }

  /** @param {Error} error */
  fail(error) {
    console.warn(`meshwidget: video cannot be decoded: ${error.message}`);
    this.restart(true);
  }

  /** @param {boolean} failed */
  restart(failed) {
    this.close();
    this.decoder = this.makeDecoder();
    this.begun = false;
    this.needKeyframe(failed);
  }

  close() {
    this.awaited.splice(0).forEach(({ give }) => give(null));
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}

/** One place on the page that shows the feed. */
class View {
  /**
   * @param {Feed} feed
   * @param {HTMLElement} element
   * @param {boolean} controls
   * @param {boolean} matrix
   */
  constructor(feed, element, controls, matrix) {
    this.feed = feed;
    this.controls = controls;
    this.onScreen = false;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();

    this.title = make("div", "meshwidget-title");
    this.bar = this.makeBar();
    this.error = make("p", "meshwidget-error", { role: "alert" });
    this.grid = make("div", "meshwidget-rows");
    this.status = make("p", "meshwidget-status", { role: "status" });
    this.menu = new Menu(feed, (sentence) => this.setError(sentence));
    this.root = make("section", "meshwidget", {
      "aria-label": controls ? "mesh call" : "pictures of a mesh call",
    });
    toggle(this.root, "data-matrix", matrix);
    if (controls) this.root.append(this.title, this.bar, this.error);
    this.root.append(this.grid, this.status);
    if (controls) this.root.append(this.menu.root);
    element.append(this.root);

    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (target === this.root) this.onScreen = isIntersecting;
        for (const tile of this.tiles.values()) {
          if (target === tile.element) tile.onScreen = isIntersecting;
        }
      }
      this.feed.look();
    });
    this.observer.observe(this.root);
    feed.views.add(this);
    this.update();
  }

  close() {
    this.observer.disconnect();
    this.feed.views.delete(this);
    this.feed.look();
    this.menu.close();
    this.root.remove();
  }

  makeBar() {
    this.name = make("input", "meshwidget-name", {
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.join = makeButton("submit", "Join");
    const form = make("form", "meshwidget-join", {}, labelled("Name", this.name));
    form.append(this.join);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    // JupyterLab keeps Enter from submitting a form by itself. While a syllable is being
    // composed, as in Korean, Enter only ends that.
    this.name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.name.addEventListener("input", () => this.setError(""));
    this.viewer = make("select", "meshwidget-viewer", OWN_KEYS);
    this.viewer.addEventListener("change", () =>
      this.feed.say({ type: "view", viewer: this.viewer.value }),
    );
    this.faults = makeMenuButton("Faults", "Faults of the call", "the server and every link");
    this.faults.addEventListener("click", () => this.menu.open(this.faults, "call", []));
    const viewer = labelled("View as", this.viewer);
    return make("div", "meshwidget-bar", {}, form, viewer, this.faults);
  }

  async submit() {
    if (this.join.getAttribute("aria-busy") === "true") return;
    this.join.setAttribute("aria-busy", "true");
    const name = this.name.value;
    const reply = await this.feed.request({ type: "join", name });
    this.join.removeAttribute("aria-busy");
    this.setError(reply.ok ? "" : reply.message);
    this.name.setAttribute("aria-invalid", String(!reply.ok));
    if (reply.ok && this.name.value === name) this.name.value = "";
  }

  /** @param {string} name */
  async exit(name) {
    const reply = await this.feed.request({ type: "exit", name });
    this.setError(reply.ok ? "" : reply.message);
  }

  /** @param {TileMessage} message */
  ask({ viewer, peer }) {
    this.feed.say({ type: "why", viewer, remote: peer });
  }

  /** @param {string} sentence */
  setError(sentence) {
    setText(this.error, sentence);
    this.name.setAttribute("aria-invalid", "false");
  }

  /** Show the newest state. */
  update() {
    const { state, trouble, gone } = this.feed;
    const over = gone || state === null || state.closed;
    setText(this.status, trouble || state?.status || "Waiting for the kernel.");
    toggle(this.root, "data-warning", trouble !== "" || state?.warning === true);
    toggle(this.root, "data-over", over);
    this.name.disabled = this.join.disabled = this.viewer.disabled = over;
    this.faults.disabled = over;
    if (state === null) return;
    toggle(this.root, "data-everyone", state.viewer === EVERYONE);
    this.root.dataset.count = String(state.count);
    this.updateTitle(state);
    if (state.closed) {
      this.tiles.forEach((tile) => tile.end("the call is closed"));
    } else {
      this.updateViewers(state);
      this.updateTiles(state.tiles);
      if (gone) this.tiles.forEach((tile) => tile.end("kernel gone"));
    }
    this.menu.check();
  }

  /** @param {StateMessage} state */
  updateTitle(state) {
    const parts = ["meshwidget", `room ${state.room}`];
    if (state.closed) parts.push("closed");
    else parts.push(`${state.count} of ${state.max_peers}`);
    if (state.rate !== null) parts.push(`${state.rate} fps`);
    if (state.address) parts.push(state.address);
    const text = parts.join(" · ");
    if (this.title.textContent === text) return;
    const [name, ...facts] = parts;
    this.title.replaceChildren(make("strong", "", {}, name));
    facts.forEach((fact) => this.title.append(" · ", make("span", "", {}, fact)));
  }

  /** @param {StateMessage} state */
  updateViewers(state) {
    const wanted = state.viewers.length > 0 ? [...state.viewers, EVERYONE] : [];
    const present = [...this.viewer.options].map((option) => option.value);
    if (wanted.join("\n") !== present.join("\n")) {
      const options = wanted.map((value) => {
        const text = value === EVERYONE ? "everyone" : value;
        return make("option", "", { value }, text);
      });
      this.viewer.replaceChildren(...options);
    }
    if (this.viewer.value !== state.viewer) this.viewer.value = state.viewer ?? "";
  }

  /** @param {TileMessage[]} messages */
  updateTiles(messages) {
    const keys = new Set(messages.map((message) => message.key));
    const viewers = new Set(messages.map((message) => message.viewer));
    // Where the focus goes when the tile that has it vanishes.
    const kind = document.activeElement?.classList.contains("meshwidget-more") ? "more" : "exit";
    const focus = this.buttons(kind).findIndex((button) => button.matches(":focus"));
    for (const [key, tile] of this.tiles) {
      if (keys.has(key)) continue;
      this.observer.unobserve(tile.element);
      tile.element.remove();
      this.tiles.delete(key);
    }
    for (const [viewer, row] of this.rows) {
      if (viewers.has(viewer)) continue;
      row.remove();
      this.rows.delete(viewer);
    }
    [...viewers].forEach((viewer, place) => put(this.grid, this.row(viewer), place));
    /** @type {Map<string, number>} */
    const filled = new Map();
    for (const message of messages) {
      const place = (filled.get(message.viewer) ?? 0) + 1; // after the row's heading
      filled.set(message.viewer, place);
      put(this.row(message.viewer), this.tile(message).element, place);
    }
    for (const [viewer, row] of this.rows) {
      row.style.setProperty("--mw-count", String(filled.get(viewer)));
    }
    if (focus >= 0 && !this.root.contains(document.activeElement)) {
      const buttons = this.buttons(kind);
      (buttons[Math.min(focus, buttons.length - 1)] ?? this.name).focus();
    }
  }

  /**
   * @param {"exit"|"more"} kind
   * @returns {HTMLButtonElement[]}
   */
  buttons(kind) {
    const buttons = [...this.tiles.values()].map((tile) => tile[kind]);
    return buttons.filter((button) => !button.hidden);
  }

  /** @param {string} viewer */
  row(viewer) {
    let row = this.rows.get(viewer);
    if (!row) {
      const text = `${viewer} receives`;
      const heading = make("div", "meshwidget-row-name", {}, text);
      row = make("div", "meshwidget-row", { role: "group", "aria-label": text });
      row.append(heading);
      this.rows.set(viewer, row);
    }
    return row;
  }

  /** @param {TileMessage} message */
  tile(message) {
    let tile = this.tiles.get(message.key);
    if (!tile) {
      const { viewer, peer } = message;
      const actions = {
        exit: () => this.exit(peer),
        why: () => this.ask(message),
        more: (button) => this.menu.open(button, "tile", [viewer, peer]),
      };
      tile = new Tile(message, this.controls ? actions : null);
      this.tiles.set(message.key, tile);
      this.observer.observe(tile.element);
      const { key } = message;
      requestAnimationFrame(() => {
        const picture = this.feed.painter.latest.get(key);
        if (picture) this.tiles.get(key)?.paint(picture);
      });
    }
    tile.update(message, this.feed.state?.viewer === EVERYONE);
    return tile;
  }
}

/** One participant's picture, its name, its state in words, its sound. */
class Tile {
  /**
   * @param {TileMessage} message
   * @param {{
   *   exit: () => void,
   *   why: () => void,
   *   more: (button: HTMLButtonElement) => void,
   * }|null} actions
   */
  constructor(message, actions) {
    const { viewer, peer } = message;
    this.painted = 0;
    /** Until it is known better. */
    this.onScreen = true;
    this.canvas = make("canvas", "meshwidget-canvas", {
      width: "240",
      height: "240",
      role: "img",
    });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.words = make("div", "meshwidget-words");
    this.fault = make("div", "meshwidget-fault");
    this.state = make("span", "meshwidget-state");
    this.level = make("div", "meshwidget-level");
    this.meter = make("div", "meshwidget-meter", {
      role: "meter",
      "aria-label": `sound of ${peer}`,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    });
    this.meter.append(this.level);
    const label = `Exit ${peer}`;
    this.exit = makeButton("button", "Exit");
    this.exit.title = label;
    this.exit.setAttribute("aria-label", label);
    const question = `Why does ${viewer} not see ${peer}?`;
    this.why = makeButton("button", "Why?");
    this.why.classList.add("meshwidget-ask");
    this.why.title = question;
    this.why.setAttribute("aria-label", question);
    this.more = makeMenuButton("⋯", `Faults of ${peer}`, "break it on purpose");
    this.more.classList.add("meshwidget-more");
    this.more.hidden = actions === null;
    this.controls = actions !== null;
    if (actions) {
      this.more.addEventListener("click", () => actions.more(this.more));
      this.exit.addEventListener("click", actions.exit);
      this.why.addEventListener("click", actions.why);
    }
    this.element = make(
      "div",
      "meshwidget-tile",
      {
        role: "group",
        "data-peer": peer,
        "data-viewer": viewer,
        "data-painted": "0",
        "data-empty": "",
      },
      make(
        "div",
        "meshwidget-picture",
        {},
        this.canvas,
        make("div", "meshwidget-said", {}, this.fault, this.words),
      ),
      this.meter,
      make(
        "div",
        "meshwidget-caption",
        {},
        make("span", "meshwidget-peer", { title: peer }, peer),
        this.state,
        make("span", "meshwidget-acts", {}, this.exit, this.more),
        this.why,
      ),
    );
  }

  /** @param {Picture} picture */
  paint(picture) {
    this.context?.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    if (this.painted === 0) this.element.removeAttribute("data-empty");
    this.painted += 1;
    this.element.dataset.painted = String(this.painted);
  }

  /**
   * @param {TileMessage} message
   * @param {boolean} repeated
   */
  update(message, repeated) {
    const live = message.state === "live";
    this.element.dataset.state = message.state;
    this.element.setAttribute("aria-label", message.label);
    this.canvas.setAttribute("aria-label", `picture of ${message.peer}`);
    toggle(this.element, "data-local", message.local);
    setText(this.words, live ? "" : message.text);
    setText(this.fault, message.fault);
    toggle(this.element, "data-faulty", message.fault !== "");
    const word =
      message.state === "blank"
        ? "no video"
        : live
          ? (message.connection ?? "live")
          : message.state;
    const words = message.local ? (live ? "local" : `local · ${word}`) : word;
    setText(this.state, words);
    const percent = String(Math.round((message.level ?? 0) * 100));
    this.level.style.width = `${percent}%`;
    this.meter.setAttribute("aria-valuenow", percent);
    this.meter.setAttribute("aria-valuetext", message.level_text);
    this.meter.title = `sound: ${message.level_text}`;
    this.exit.disabled = this.more.disabled = false;
    // With a row for everyone each participant is there many times, and can be made
    // to exit from its own picture.
    const once = message.local || !repeated;
    this.exit.hidden = !(this.controls && message.removable && once);
    const missed = !message.local && !live && message.state !== "blank";
    const asking = this.why === document.activeElement;
    this.why.hidden = !(this.controls && missed);
    this.why.disabled = false;
    if (asking && this.why.hidden && !this.exit.hidden) this.exit.focus();
  }

  /** Nothing comes any more. @param {string} why */
  end(why) {
    this.element.dataset.state = "down";
    this.element.setAttribute("aria-label", `${this.element.dataset.peer}: ${why}`);
    setText(this.words, why);
    setText(this.fault, "");
    toggle(this.element, "data-faulty", false);
    setText(this.state, "ended");
    this.level.style.width = "0";
    this.meter.setAttribute("aria-valuenow", "0");
    this.meter.setAttribute("aria-valuetext", why);
    this.exit.disabled = this.why.disabled = this.more.disabled = true;
  }
}

/**
 * What can be done on purpose to a tile, to a link, to the call.
 *
 * A menu with the keys that ARIA's menu button pattern has. What is in it comes from the
 * kernel whenever it is opened, and what is chosen goes back there: nothing here knows of
 * any fault. An entry acts at once, or after a form, or opens another menu.
 */
class Menu {
  /**
   * @param {Feed} feed
   * @param {(sentence: string) => void} say what the kernel refuses, or that it does not
   */
  constructor(feed, say) {
    this.feed = feed;
    this.say = say;
    /** What has opened it. @type {HTMLButtonElement|null} */
    this.button = null;
    this.body = make("div", "meshwidget-menu-body");
    this.help = make("p", "meshwidget-menu-help");
    this.root = make("div", "meshwidget-menu", OWN_KEYS, this.body, this.help);
    this.root.hidden = true;
    this.root.popover = "manual"; // above everything, and cut off by nothing
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focusout", ({ relatedTarget: to }) => {
      if (to && !this.root.contains(to) && to !== this.button) this.close(false);
    });
    this.ending = new AbortController();
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {"tile"|"link"|"call"} of
   * @param {string[]} names
   */
  async open(button, of, names) {
    const again = this.button === button && !this.root.hidden;
    this.close();
    if (again) return;
    this.button = button;
    button.setAttribute("aria-expanded", "true");
    this.say("");
    await this.load(of, names);
  }

  /**
   * @param {"tile"|"link"|"call"} of
   * @param {string[]} names
   */
  async load(of, names) {
    const { button } = this;
    const reply = await this.feed.request({ type: "menu", of, names });
    if (!button || this.button !== button) return; // closed meanwhile
    if (!reply.ok) {
      this.close();
      this.say(reply.message);
      return;
    }
    this.root.setAttribute("role", "menu");
    this.root.setAttribute("aria-label", button.getAttribute("aria-label") ?? "");
    this.body.replaceChildren(...(reply.menu ?? []).map((each) => this.section(each)));
    this.show();
  }

  /** @param {MenuSection} section */
  section({ heading, state, entries }) {
    const words = make("div", "meshwidget-menu-heading", { "aria-hidden": "true" }, heading);
    if (state) words.append(make("span", "meshwidget-menu-state", {}, state));
    const label = state ? `${heading}: ${state}` : heading;
    return make(
      "div",
      "meshwidget-menu-section",
      { role: "group", "aria-label": label },
      words,
      ...entries.map((entry) => this.entry(entry)),
    );
  }

  /** @param {MenuEntry} entry */
  entry(entry) {
    const { label, title, state, opens, form = [] } = entry;
    const button = make(
      "button",
      "meshwidget-entry",
      { type: "button", role: "menuitem", tabindex: "-1", "aria-description": title, ...OWN_KEYS },
      label,
    );
    if (state) button.append(" ", make("span", "meshwidget-menu-state", {}, state));
    button.addEventListener("focus", () => this.explain(title));
    button.addEventListener("pointermove", () => {
      if (button !== document.activeElement) button.focus({ preventScroll: true });
    });
    button.addEventListener("click", () => {
      if (opens) this.load("link", opens);
      else if (form.length) this.ask(entry, form);
      else this.choose(entry, {});
    });
    return button;
  }

  /**
   * Show a form in place of the menu.
   *
   * @param {MenuEntry} entry
   * @param {FormField[]} fields
   */
  ask(entry, fields) {
    const inputs = fields.map(makeField);
    const act = makeButton("submit", entry.label.replace("…", ""));
    const cancel = makeButton("button", "Cancel");
    const form = make(
      "form",
      "meshwidget-menu-form",
      { novalidate: "" }, // what cannot be the kernel says, in a sentence
      ...fields.map(({ label }, place) => labelled(label, inputs[place].control)),
      make("div", "meshwidget-menu-buttons", {}, act, cancel),
    );
    cancel.addEventListener("click", () => this.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = fields.map(({ name }, place) => [name, inputs[place].value()]);
      this.choose(entry, Object.fromEntries(values));
    });
    const heading = make("div", "meshwidget-menu-heading", {}, (entry.names ?? []).join(" - "));
    this.root.setAttribute("role", "dialog");
    this.root.setAttribute("aria-label", `${act.textContent} ${heading.textContent}`);
    this.body.replaceChildren(heading, form);
    this.explain(entry.title);
    this.show();
  }

  /**
   * @param {MenuEntry} entry
   * @param {Record<string, number|string|null>} values
   */
  async choose({ names, key, form = [] }, values) {
    const { button } = this;
    if (!form.length) this.close();
    const reply = await this.feed.request({ type: "fault", names, key, values });
    this.say(reply.ok ? "" : reply.message);
    if (!form.length || this.button !== button) return;
    if (reply.ok) this.close();
    else this.explain(reply.message); // and what was typed can be mended
  }

  show() {
    const { signal } = this.ending;
    if (this.root.hidden) {
      this.root.hidden = false;
      this.root.showPopover?.();
      const move = () => this.place();
      document.addEventListener("scroll", move, { signal, capture: true });
      window.addEventListener("resize", move, { signal });
      document.addEventListener("pointerdown", ({ target }) => this.pressed(target), {
        signal,
        capture: true,
      });
    }
    this.place();
    this.stops()[0]?.focus({ preventScroll: true });
  }

  /** Below what has opened it, or above where there is no room. */
  place() {
    const { root, button } = this;
    if (!button) return;
    const { left, top, bottom } = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = root;
    const below = bottom + 2 + height <= innerHeight || top < height;
    const y = below ? Math.min(bottom + 2, innerHeight - height - 4) : top - height - 2;
    root.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    root.style.top = `${Math.max(4, y)}px`;
  }

  /** @param {string} sentence */
  explain(sentence) {
    setText(this.help, sentence);
  }

  /** @param {EventTarget|null} target */
  pressed(target) {
    const inside = target instanceof Node && this.root.contains(target);
    const again = target instanceof Node && this.button?.contains(target);
    if (!inside && !again) this.close(false);
  }

  /** @returns {HTMLElement[]} what the keyboard goes to */
  stops() {
    return [...this.body.querySelectorAll("button, input, select")];
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const isMenu = this.root.getAttribute("role") === "menu";
    if (event.key === "Escape") {
      this.close();
    } else if (event.key === "Tab" && isMenu) {
      this.close(); // and the focus goes on from the button
      return;
    } else if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      // JupyterLab keeps Enter from submitting a form by itself.
      if (!event.isComposing) event.target.form?.requestSubmit();
    } else if (isMenu && ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
      const stops = this.stops();
      const last = stops.length - 1;
      const place = stops.indexOf(/** @type {any} */ (document.activeElement));
      const next = {
        ArrowDown: place < last ? place + 1 : 0,
        ArrowUp: place > 0 ? place - 1 : last,
        Home: 0,
        End: last,
      };
      stops[next[/** @type {keyof typeof next} */ (event.key)]]?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Close it when what it is of is no more. */
  check() {
    if (this.button && (!this.button.isConnected || this.button.disabled)) this.close();
  }

  /** @param {boolean} back whether the focus goes where it came from */
  close(back = true) {
    const { button } = this;
    this.button = null;
    if (!button) return;
    button.setAttribute("aria-expanded", "false");
    this.ending.abort();
    this.ending = new AbortController();
    const hadFocus = this.root.contains(document.activeElement);
    if (!this.root.hidden) this.root.hidePopover?.();
    this.root.hidden = true;
    this.body.replaceChildren();
    if (back && hadFocus) button.focus({ preventScroll: true });
  }
}

/**
 * @param {FormField} field
 * @returns {{control: HTMLElement, value: () => number|string|null}}
 */
function makeField({ name, value, least, most, options }) {
  if (options) {
    const control = make(
      "select",
      "meshwidget-viewer",
      { name, ...OWN_KEYS },
      ...options.map(([, words]) => make("option", "", {}, words)),
    );
    control.selectedIndex = options.findIndex(([option]) => option === value);
    return { control, value: () => options[control.selectedIndex]?.[0] ?? null };
  }
  const control = make("input", "meshwidget-number", {
    name,
    type: "number",
    min: String(least),
    max: String(most),
    step: "any",
    value: value === null ? "" : String(value),
    ...OWN_KEYS,
  });
  return { control, value: () => (control.value === "" ? null : Number(control.value)) };
}

/**
 * Keep a queue short: what is too old hands its pictures on.
 *
 * @param {{pictures: Map<string, {close(): void}>}[]} queue
 */
function shorten(queue) {
  while (queue.length > QUEUE_LIMIT) handOn(queue);
}

/**
 * Drop the first in line; what only it has goes to the next.
 *
 * @param {{pictures: Map<string, {close(): void}>}[]} queue
 */
function handOn(queue) {
  const [{ pictures }] = queue.splice(0, 1);
  for (const [key, picture] of pictures) {
    if (queue[0].pictures.has(key)) picture.close();
    else queue[0].pictures.set(key, picture);
  }
}

/** What this page can decode besides JPEG. @returns {Promise<string[]>} */
async function findCodecs() {
  // Only newer browsers have it, and only on pages with TLS or of this machine.
  if (!("VideoDecoder" in globalThis)) return [];
  const { supported } = await VideoDecoder.isConfigSupported(VP8);
  return supported ? ["vp8"] : [];
}

/**
 * @param {DataView} bytes
 * @returns {Promise<Picture>}
 */
async function decodeJpeg(bytes) {
  const type = "image/jpeg";
  if (!("ImageDecoder" in globalThis)) {
    return createImageBitmap(new Blob([bytes], { type }));
  }
  // Costs half of the other way, which takes each picture through another process. Only
  // newer browsers have it, and only on pages with TLS or of this machine.
  const decoder = new ImageDecoder({ data: bytes, type });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

/** As crypto.randomUUID, which only exists on pages with TLS. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {Record<string, string>} attributes
 * @param {...(Node|string)} children strings become text
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function make(tag, className, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/**
 * @param {"submit"|"button"} type
 * @param {string} text
 */
function makeButton(type, text) {
  return make("button", "meshwidget-button", { type, ...OWN_KEYS }, text);
}

/**
 * @param {string} text
 * @param {string} label
 * @param {string} purpose
 */
function makeMenuButton(text, label, purpose) {
  const button = makeButton("button", text);
  button.title = `${label}: ${purpose}`;
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  return button;
}

/**
 * @param {string} text
 * @param {HTMLElement} control
 */
function labelled(text, control) {
  return make("label", "meshwidget-label", {}, make("span", "", {}, text), control);
}

/** Only what differs is set: a live region speaks at every change. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {HTMLElement} element
 * @param {string} attribute
 * @param {boolean} on
 */
function toggle(element, attribute, on) {
  element.toggleAttribute(attribute, on);
}

/**
 * Move a child only if it is not there already: moving takes the focus away.
 *
 * @param {HTMLElement} parent
 * @param {HTMLElement} child
 * @param {number} place
 */
function put(parent, child, place) {
  const there = parent.children[place] ?? null;
  if (there !== child) parent.insertBefore(child, there);
}
