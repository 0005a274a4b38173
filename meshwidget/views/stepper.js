/**
 * The page's side of the stepper: the buttons, what is held, and why.
 *
 * One plain ES module. `Feed` is the conversation with the kernel, one per model and
 * page; `View` is one place on the page that shows it; `Row` is one held message.
 *
 * Names and sentences come from outside: they are set as text, never as markup.
 *
 * @typedef {object} Held a message at the server
 * @property {number} number
 * @property {string} kind
 * @property {string} sender
 * @property {string} receiver
 * @property {string} summary what is in it
 * @property {string} edited what was changed by hand
 * @property {string} effect what its delivery will do
 * @property {boolean} editable
 *
 * @typedef {object} Checklist
 * @property {string} title
 * @property {{state: "done"|"waiting"|"failed", name: string, words: string, missing: boolean}[]} steps
 *
 * @typedef {object} State
 * @property {number} version
 * @property {boolean} closed
 * @property {boolean} paused
 * @property {number} count of held messages
 * @property {Held[]} pending the first of them
 * @property {number|null} selected the message that is open in the diagrams
 * @property {Checklist|null} why
 *
 * @typedef {{ok: boolean, message: string}} Reply
 */

/** Milliseconds between two signs of life. */
const HEARTBEAT = 5000;

/** Or else JupyterLab takes Enter, letters and arrows for the notebook's own. */
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const MARKS = { done: "✓", waiting: "…", failed: "✗" };

const KERNEL_GONE = "The kernel is gone. Run the cell again.";

export default () => {
  /** @type {Feed} */
  let feed;
  return {
    /** @param {{model: any}} context */
    async initialize({ model }) {
      feed = new Feed(await reach(model));
      return () => feed.close();
    },
    /** @param {{model: any, el: HTMLElement}} context */
    render({ el }) {
      const view = new View(feed, el);
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
  /** @param {any} model */
  constructor(model) {
    this.model = model;
    this.client = [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    /** @type {Set<View>} */
    this.views = new Set();
    /** @type {State|null} */
    this.state = null;
    this.gone = false;
    this.visible = false;
    this.lastRequest = 0;
    /** @type {Map<number, (reply: Reply) => void>} */
    this.requests = new Map();
    this.ending = new AbortController();
    const { signal } = this.ending;
    model.on("msg:custom", (/** @type {any} */ message) => this.receive(message));
    model.on("comm_live_update", () => this.beat(0));
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    window.addEventListener("pagehide", () => this.say({ type: "bye" }), { signal });
    this.beating = setInterval(() => this.visible && this.beat(), HEARTBEAT);
  }

  close() {
    this.say({ type: "bye" });
    clearInterval(this.beating);
    this.ending.abort();
    this.model.hangUp?.();
  }

  /** @param {object} message */
  say(message) {
    try {
      this.model.send({ ...message, client: this.client });
      this.gone = false;
    } catch {
      this.gone = true; // the comm is disposed
      this.requests.forEach((settle) => settle({ ok: false, message: KERNEL_GONE }));
      this.requests.clear();
      this.views.forEach((view) => view.update());
    }
  }

  /**
   * @param {object} message
   * @returns {Promise<Reply>}
   */
  request(message) {
    const request = ++this.lastRequest;
    return new Promise((resolve) => {
      this.requests.set(request, resolve);
      this.say({ ...message, request });
    });
  }

  /** Tell the kernel what there is, and whether anybody sees it. */
  beat(version = this.state?.version ?? 0) {
    if (this.ending.signal.aborted || this.state?.closed) return;
    this.say({ type: "here", version, visible: this.visible });
  }

  look() {
    const shown = [...this.views].some((view) => view.onScreen);
    const visible = shown && document.visibilityState === "visible";
    if (visible === this.visible) return;
    this.visible = visible;
    this.beat();
  }

  /** @param {any} message */
  receive(message) {
    switch (message.type) {
      case "state":
        this.state = message;
        this.views.forEach((view) => view.update());
        this.beat();
        break;
      case "reply":
        // All pages share one comm; the number belongs to the page that asked.
        if (message.client !== this.client) break;
        this.requests.get(message.request)?.(message);
        this.requests.delete(message.request);
        break;
      case "refused":
        console.error(`meshwidget: ${message.message}`);
        break;
    }
  }
}

/** One place on the page. */
class View {
  /**
   * @param {Feed} feed
   * @param {HTMLElement} el
   */
  constructor(feed, el) {
    this.feed = feed;
    this.onScreen = false;
    this.busy = false;
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** Number of the message where the keyboard is. @type {number|null} */
    this.current = null;
    /** What the diagrams had open when it was last looked at. @type {number|null} */
    this.marked = null;

    this.pause = makeButton("Pause", () => this.press({ type: "pause" }));
    this.step = makeButton("Step", () => this.press({ type: "step" }));
    this.resume = makeButton("Resume", () => this.press({ type: "resume" }));
    this.mode = make("span", "meshwidget-stepper-mode");
    this.error = make("p", "meshwidget-stepper-error", { role: "alert" });
    this.list = make("ol", "meshwidget-held", {
      "aria-label": "held messages, the next one first",
    });
    this.more = make("p", "meshwidget-stepper-faint");
    this.done = make("div", "meshwidget-done", {
      role: "status",
      "aria-label": "what the last step did",
    });
    this.why = make("div", "meshwidget-why", { role: "region", "aria-label": "why" });
    this.root = make(
      "section",
      "meshwidget-stepper",
      { "aria-label": "stepping" },
      make("div", "meshwidget-stepper-bar", {}, this.pause, this.step, this.resume, this.mode),
      this.error,
      this.list,
      this.more,
      this.done,
      this.why,
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
    this.watcher = new IntersectionObserver((entries) => {
      this.onScreen = entries[entries.length - 1].isIntersecting;
      feed.look();
    });
    this.watcher.observe(this.root);
    feed.views.add(this);
    this.update();
  }

  close() {
    this.watcher.disconnect();
    this.feed.views.delete(this);
    this.feed.look();
    this.root.remove();
  }

  /**
   * Ask for something, one at a time: a key that is held down is no second wish.
   *
   * @param {object} message
   * @returns {Promise<boolean>} whether it was done
   */
  async press(message) {
    if (this.busy) return false;
    this.busy = true;
    const reply = await this.feed.request(message);
    this.busy = false;
    setText(this.error, reply.ok ? "" : reply.message);
    if (reply.ok) setText(this.done, reply.message);
    return reply.ok;
  }

  /** Show the newest state. */
  update() {
    const { state, gone } = this.feed;
    const over = gone || state === null || state.closed;
    const paused = state?.paused ?? false;
    const count = state?.count ?? 0;
    // They stay where the keyboard can reach them: focus that vanishes is lost.
    enable(this.pause, !over && !paused);
    enable(this.step, !over && paused && count > 0);
    enable(this.resume, !over && paused);
    setText(this.mode, modeOf(state, gone));
    this.root.toggleAttribute("data-paused", paused);
    this.updateRows(over ? [] : (state?.pending ?? []));
    const rest = count - (state?.pending.length ?? 0);
    setText(this.more, rest > 0 ? `and ${rest} more` : "");
    this.updateWhy(state?.why ?? null);
    if (state && state.selected !== this.marked) {
      this.marked = state.selected;
      if (this.marked !== null && this.rows.has(this.marked)) this.choose(this.marked);
    }
  }

  /** @param {Held[]} pending */
  updateRows(pending) {
    const before = [...this.rows.keys()];
    const numbers = new Set(pending.map((held) => held.number));
    const at = this.current === null ? -1 : before.indexOf(this.current);
    const hadFocus = this.list.contains(document.activeElement);
    for (const [number, row] of this.rows) {
      if (numbers.has(number)) continue;
      row.element.remove();
      this.rows.delete(number);
    }
    pending.forEach((held, place) => {
      let row = this.rows.get(held.number);
      if (!row) {
        row = new Row(this, held.number);
        this.rows.set(held.number, row);
      }
      row.update(held, place === 0);
      put(this.list, row.element, place);
    });
    if (this.current === null || !numbers.has(this.current)) {
      // Where the one was that is gone, or at the end.
      const left = [...this.rows.keys()];
      this.current = left[Math.min(Math.max(at, 0), left.length - 1)] ?? null;
    }
    this.mark();
    if (hadFocus && !this.root.contains(document.activeElement)) {
      const row = this.current === null ? null : this.rows.get(this.current);
      (row?.element ?? this.step).focus({ preventScroll: true });
    }
  }

  /** One row, and what is in it, is a stop for the tabulator. */
  mark() {
    for (const [number, row] of this.rows) row.mark(number === this.current);
  }

  /** @param {number} number */
  choose(number) {
    this.current = number;
    this.mark();
    // Nothing but the list itself moves: the page stays where it is.
    const { element } = /** @type {Row} */ (this.rows.get(number));
    const top = element.offsetTop - this.list.offsetTop;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    const bottom = top + element.offsetHeight - this.list.clientHeight;
    if (bottom > this.list.scrollTop) this.list.scrollTop = bottom;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    event.stopPropagation();
    if (target instanceof HTMLTextAreaElement) {
      if (event.key === "Escape") this.rows.get(this.current ?? -1)?.shut();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = target instanceof HTMLButtonElement;
    const row = this.rows.get(this.current ?? -1);
    if (event.key === " " && !onButton) {
      if (!event.repeat) this.step.click();
    } else if (event.key === "Delete" && row && this.list.contains(target)) {
      this.drop(row.number);
    } else if (event.key === "Enter" && !onButton && row) {
      row.open();
    } else if (/^(ArrowUp|ArrowDown|Home|End)$/.test(event.key) && row) {
      this.move(event.key);
    } else if (event.key === "Escape" && this.feed.state?.why) {
      this.closeWhy();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {string} key */
  move(key) {
    const numbers = [...this.list.children].map((each) =>
      Number(/** @type {HTMLElement} */ (each).dataset.number),
    );
    const at = numbers.indexOf(this.current ?? -1);
    const last = numbers.length - 1;
    // From a button above the list the keyboard goes to the list first.
    const inside = this.list.contains(document.activeElement);
    const step = inside ? 1 : 0;
    const places = {
      ArrowUp: Math.max(at - step, 0),
      ArrowDown: Math.min(at + step, last),
      Home: 0,
      End: last,
    };
    this.choose(numbers[places[/** @type {keyof places} */ (key)]]);
    this.rows.get(this.current ?? -1)?.element.focus({ preventScroll: true });
  }

  /** @param {number} number */
  deliver(number) {
    return this.press({ type: "step", number });
  }

  /** @param {number} number */
  drop(number) {
    return this.press({ type: "drop", number });
  }

  closeWhy() {
    const hadFocus = this.why.contains(document.activeElement);
    this.feed.say({ type: "close" });
    if (hadFocus) this.step.focus();
  }

  /** @param {Checklist|null} why */
  updateWhy(why) {
    this.why.hidden = why === null;
    const written = JSON.stringify(why);
    if (this.why.dataset.written === written) return;
    this.why.dataset.written = written;
    if (why === null) return this.why.replaceChildren();
    if (!this.why.firstChild) {
      this.whyTitle = make("strong", "", { role: "status" });
      this.whySteps = make("ul", "meshwidget-why-steps");
      const close = makeButton("Close", () => this.closeWhy());
      close.setAttribute("aria-label", "Close why");
      const head = make("div", "meshwidget-why-head", {}, this.whyTitle, close);
      this.why.append(head, this.whySteps);
    }
    const missing = why.steps.find((step) => step.missing);
    const title = missing ? `${why.title}: ${missing.words || missing.name}` : why.title;
    setText(this.whyTitle, title);
    this.whySteps.replaceChildren(
      ...why.steps.map((step) => {
        const mark = make("span", "meshwidget-why-mark", { "aria-label": step.state });
        mark.textContent = MARKS[step.state];
        mark.setAttribute("role", "img");
        const words = step.words ? `${step.name}: ${step.words}` : step.name;
        const item = make("li", "", { "data-state": step.state }, mark, make("span", "", {}, words));
        item.toggleAttribute("data-missing", step.missing);
        return item;
      }),
    );
  }
}

/** One held message. */
class Row {
  /**
   * @param {View} view
   * @param {number} number
   */
  constructor(view, number) {
    this.view = view;
    this.number = number;
    this.count = make("span", "meshwidget-held-number", {}, String(number));
    this.kind = make("strong", "meshwidget-held-kind");
    this.route = make("span", "meshwidget-held-route");
    this.summary = make("span", "meshwidget-held-summary");
    this.effect = make("div", "meshwidget-held-effect");
    this.deliver = makeButton("Deliver", () => view.deliver(number));
    this.drop = makeButton("Drop", () => view.drop(number));
    this.edit = makeButton("Edit", () => this.open());
    for (const button of [this.deliver, this.drop, this.edit]) {
      button.setAttribute("aria-label", `${button.textContent} ${number}`);
    }
    this.editable = false;
    /** @type {HTMLFormElement|null} */
    this.form = null;
    this.element = make(
      "li",
      "meshwidget-held-row",
      { "data-number": String(number), ...OWN_KEYS },
      make("div", "meshwidget-held-line", {}, this.count, this.kind, this.route, this.summary),
      make("div", "meshwidget-held-buttons", {}, this.deliver, this.drop, this.edit),
      this.effect,
    );
    this.element.addEventListener("focusin", () => view.choose(number));
    this.element.addEventListener("click", () => view.choose(number));
  }

  /**
   * @param {Held} held
   * @param {boolean} next
   */
  update(held, next) {
    const { kind, sender, receiver, edited } = held;
    setText(this.kind, kind);
    setText(this.route, `${sender} → ${receiver}`);
    setText(this.summary, edited ? `${held.summary} (changed: ${edited})` : held.summary);
    setText(this.effect, `${next ? "Next: " : "Would do: "}${held.effect}.`);
    this.element.toggleAttribute("data-next", next);
    this.edit.hidden = !held.editable;
    this.editable = held.editable;
    const place = next ? "next, " : "";
    this.element.setAttribute(
      "aria-label",
      `${place}${kind} ${this.number} from ${sender} to ${receiver}: ${held.summary}. ${held.effect}`,
    );
  }

  /** @param {boolean} current */
  mark(current) {
    const tabindex = current ? "0" : "-1";
    this.element.toggleAttribute("data-current", current);
    this.element.setAttribute("aria-current", String(current));
    for (const stop of [this.element, this.deliver, this.drop, this.edit]) {
      stop.setAttribute("tabindex", tabindex);
    }
  }

  /** Read it: here, if it can be changed, and in the diagrams. */
  async open() {
    const { view, number } = this;
    const reply = await view.feed.request({ type: "open", number });
    setText(view.error, reply.ok ? "" : reply.message);
    if (!reply.ok || !this.editable || this.form) return;
    const area = make("textarea", "meshwidget-held-text", {
      rows: String(Math.min(reply.message.split("\n").length + 1, 14)),
      spellcheck: "false",
      autocomplete: "off",
      "aria-label": `text of message ${number}`,
    });
    area.value = reply.message.replaceAll("\r\n", "\n");
    const save = make(
      "button",
      "meshwidget-stepper-button",
      { type: "submit", ...OWN_KEYS },
      "Save",
    );
    const cancel = makeButton("Cancel", () => this.shut());
    this.form = make(
      "form",
      "meshwidget-held-form",
      {},
      area,
      make("div", "meshwidget-held-buttons", {}, save, cancel),
    );
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await view.press({ type: "edit", number, text: area.value })) this.shut();
    });
    this.element.append(this.form);
    area.focus({ preventScroll: true });
    area.setSelectionRange(0, 0);
  }

  shut() {
    if (!this.form) return;
    this.form.remove();
    this.form = null;
    setText(this.view.error, "");
    this.element.focus({ preventScroll: true });
  }
}

/**
 * @param {State|null} state
 * @param {boolean} gone
 */
function modeOf(state, gone) {
  if (gone) return KERNEL_GONE;
  if (state === null) return "";
  if (state.closed) return "closed";
  if (!state.paused) return "running";
  return state.count ? `paused · ${state.count} held` : "paused · nothing held";
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
 * @param {string} text
 * @param {() => void} press
 */
function makeButton(text, press) {
  const button = make(
    "button",
    "meshwidget-stepper-button",
    { type: "button", ...OWN_KEYS },
    text,
  );
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") press();
  });
  return button;
}

/**
 * @param {HTMLElement} button
 * @param {boolean} on
 */
function enable(button, on) {
  button.setAttribute("aria-disabled", String(!on));
}

/** Only what differs is set: a live region speaks at every change. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
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
