/**
 * The page's side of a diagram: the picture that Python drew, and what is around it.
 *
 * One plain ES module for all three diagrams; the trait `kind` says which. `Feed` is
 * the conversation with the kernel, one per model and page; `View` is one place on the
 * page that shows it; `Detail` is an opened message.
 *
 * The picture is markup made in the kernel, where every name in it was escaped. All
 * else that comes from there is set as text.
 *
 * @typedef {object} Line of a description
 * @property {string} section
 * @property {string} line
 * @property {string} says
 * @property {string} why
 * @property {string} spec
 * @property {"same"|"added"|"removed"|"changed"} change
 * @property {string|null} previous
 *
 * @typedef {object} MessageDetail
 * @property {number} number
 * @property {string} title
 * @property {[string, string][]} facts
 * @property {string|null} compared
 * @property {Line[]} lines
 * @property {{name: string, value: string, says: string}[]} fields
 *
 * @typedef {object} State
 * @property {string[]} names everybody who ever joined
 * @property {string[]|null} peers
 * @property {[string, string]|null} pair
 * @property {string[]|null} kinds
 * @property {number} length of the log
 * @property {number|null} position of the last event that is shown; null follows
 * @property {string} event that one, in words
 * @property {boolean} live whether the call goes on
 * @property {MessageDetail|null} detail
 */

const KINDS = ["all_users", "offer", "answer", "candidate", "user_exit"];

/** Milliseconds between two signs of life. */
const HEARTBEAT = 5000;

/** Keys that mean something in here. */
const OUR_KEYS = /^(Arrow.*|Home|End|Page.*|Enter|Escape| )$/;

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
    render({ model, el }) {
      const view = new View(feed, el, model.get("kind"));
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
    this.client = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    /** @type {Set<View>} */
    this.views = new Set();
    /** @type {string[]} */
    this.lines = [];
    this.version = 0;
    /** @type {State|null} */
    this.state = null;
    this.trouble = "";
    this.visible = false;
    this.ending = new AbortController();
    const { signal } = this.ending;
    model.on("msg:custom", (/** @type {any} */ message) => this.receive(message));
    model.on("comm_live_update", () => {
      this.version = 0; // another end of the kernel's counts anew
      this.beat();
    });
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
    } catch {
      this.setTrouble(KERNEL_GONE); // the comm is disposed
    }
  }

  /** Tell the kernel what there is, and whether anybody sees it. */
  beat() {
    if (this.ending.signal.aborted) return;
    this.say({ type: "here", version: this.version, visible: this.visible });
  }

  /** Tell the kernel when somebody begins or ceases to look. */
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
      case "diagram":
        this.take(message);
        break;
      case "failed":
        this.setTrouble(message.message);
        break;
      case "refused":
        console.error(`meshwidget: ${message.message}`);
        break;
    }
  }

  /** @param {{base: number, version: number, lines: (string|number[])[], state: object}} message */
  take({ base, version, lines, state }) {
    if (base && base !== this.version) {
      this.version = 0; // one was missed: ask for all of it
    } else {
      const before = this.lines;
      this.lines = lines.flatMap((each) =>
        typeof each === "string" ? [each] : before.slice(each[0], each[1]),
      );
      this.version = version;
      this.state = /** @type {State} */ ({ ...this.state, ...state });
      this.trouble = "";
      this.views.forEach((view) => view.update());
    }
    this.beat();
  }

  /** @param {string} trouble */
  setTrouble(trouble) {
    this.trouble = trouble;
    this.views.forEach((view) => view.update());
  }
}

/** One place on the page. */
class View {
  /**
   * @param {Feed} feed
   * @param {HTMLElement} el
   * @param {"sequence"|"topology"|"states"} kind
   */
  constructor(feed, el, kind) {
    this.feed = feed;
    this.kind = kind;
    this.onScreen = false;
    this.drawn = "";
    /** Where the keyboard is: the key of a message or a link. */
    this.focused = "";
    this.root = make("section", "meshwidget-diagram", {
      "aria-label": `${kind} diagram`,
      "data-kind": kind,
    });
    // JupyterLab would take them for commands of its own.
    this.root.addEventListener("keydown", (event) => {
      const changed = event.ctrlKey || event.metaKey || event.altKey;
      const isChoosing = event.target instanceof HTMLSelectElement;
      if (!changed && (isChoosing || OUR_KEYS.test(event.key))) event.stopPropagation();
    });
    this.build();
    el.append(this.root);
    feed.views.add(this);
    this.watcher = new IntersectionObserver((entries) => {
      this.onScreen = entries[entries.length - 1].isIntersecting;
      feed.look();
    });
    this.watcher.observe(this.root);
    this.update();
  }

  close() {
    this.watcher.disconnect();
    this.feed.views.delete(this);
    this.feed.look();
    this.root.remove();
  }

  build() {
    const bar = make("div", "meshwidget-diagram-bar");
    this.whom = /** @type {HTMLSelectElement} */ (make("select", ""));
    this.what = /** @type {HTMLSelectElement} */ (make("select", ""));
    if (this.kind !== "topology") {
      bar.append(labelled(this.kind === "states" ? "Connection" : "Show", this.whom));
    }
    if (this.kind === "sequence") {
      fill(this.what, [["", "all"], ...KINDS.map((kind) => [kind, kind])]);
      bar.append(labelled("Messages", this.what));
    }
    this.whom.addEventListener("change", () => this.chooseWhom());
    this.what.addEventListener("change", () => {
      this.set({ kinds: this.what.value ? [this.what.value] : null });
    });

    this.picture = make("div", "meshwidget-diagram-picture");
    this.picture.addEventListener("scroll", () => this.keepHeads());
    this.picture.addEventListener("click", (event) => this.press(event.target));
    this.picture.addEventListener("keydown", (event) => this.key(event));
    this.picture.addEventListener("focusin", (event) => {
      this.focused = keyOf(targetOf(event.target)) || this.focused;
    });

    const rewind = make("div", "meshwidget-diagram-rewind");
    this.slider = /** @type {HTMLInputElement} */ (
      make("input", "", { type: "range", min: "-1", step: "1" })
    );
    this.slider.addEventListener("input", () => this.rewind());
    this.live = /** @type {HTMLButtonElement} */ (make("button", "", { type: "button" }));
    this.live.addEventListener("click", () => this.set({ position: null }));
    this.mode = make("span", "meshwidget-diagram-mode");
    this.event = make("span", "meshwidget-diagram-event", { role: "status" });
    rewind.append(labelled("Rewind", this.slider), this.live, this.mode, this.event);

    this.trouble = make("p", "meshwidget-diagram-trouble", { role: "alert" });
    this.detail = new Detail(() => this.shut());
    this.root.append(bar, this.picture, rewind, this.trouble, this.detail.root);
  }

  /** @param {object} look */
  set(look) {
    this.feed.say({ type: "set", ...look });
  }

  update() {
    const { state, lines, trouble } = this.feed;
    this.trouble.textContent = trouble;
    this.trouble.hidden = !trouble;
    if (!state) return;
    this.draw(lines.join("\n"));
    this.offer(state);
    this.say(state);
    this.detail.show(state.detail);
  }

  /** @param {string} markup */
  draw(markup) {
    if (markup === this.drawn) return;
    const { picture } = this;
    const bottom = picture.scrollHeight - picture.clientHeight - picture.scrollTop;
    const follows = this.kind === "sequence" && (!this.drawn || bottom < 40);
    const hadFocus = picture.contains(document.activeElement);
    this.drawn = markup;
    picture.innerHTML = markup;
    const targets = this.targets();
    const current = targets.find((each) => keyOf(each) === this.focused);
    // One stop for the tabulator; arrows go from there.
    targets.forEach((each) => each.setAttribute("tabindex", "-1"));
    (current ?? targets[targets.length - 1])?.setAttribute("tabindex", "0");
    if (hadFocus) current?.focus({ preventScroll: true });
    if (follows) picture.scrollTop = picture.scrollHeight;
    this.keepHeads();
  }

  /** Keep the names in sight while the rest scrolls. */
  keepHeads() {
    const heads = this.picture.querySelector(".meshwidget-heads");
    heads?.setAttribute("transform", `translate(0 ${this.picture.scrollTop})`);
  }

  /** Fill the choices. @param {State} state */
  offer(state) {
    const { names, pair, peers, kinds } = state;
    const choices = [["", "everything"]];
    if (this.kind === "states") {
      choices[0][1] = "the newest";
      for (const one of names) {
        for (const other of names) {
          if (one !== other) choices.push([pairKey(one, other), `${one} → ${other}`]);
        }
      }
    } else {
      names.forEach((name) => choices.push([JSON.stringify([name]), `${name} and everybody`]));
      names.forEach((one, place) => {
        for (const other of names.slice(place + 1)) {
          choices.push([pairKey(one, other), `${one} and ${other}`]);
        }
      });
    }
    let chosen = "";
    if (pair) {
      const keys = [pairKey(...pair), pairKey(pair[1], pair[0])];
      chosen = keys.find((key) => choices.some(([value]) => value === key)) ?? "";
    } else if (peers) {
      chosen = JSON.stringify(peers);
    }
    fill(this.whom, choices);
    this.whom.value = chosen;
    this.what.value = kinds?.length === 1 ? kinds[0] : "";
  }

  chooseWhom() {
    const names = JSON.parse(this.whom.value || "[]");
    this.set({
      peers: names.length === 1 ? names : null,
      pair: names.length === 2 ? names : null,
    });
  }

  /** @param {State} state */
  say({ position, length, event, live }) {
    const last = length - 1;
    const rewound = position !== null && position < last;
    this.slider.max = String(last);
    if (document.activeElement !== this.slider || !rewound) {
      this.slider.value = String(position ?? last);
    }
    const words = `event ${(position ?? last) + 1} of ${length}`;
    this.slider.setAttribute("aria-valuetext", `${words}: ${event}`);
    this.live.hidden = position === null;
    this.live.textContent = live ? "Back to live" : "To the end";
    this.mode.textContent = rewound ? "replay" : live ? "live" : "the end";
    this.mode.dataset.mode = rewound ? "replay" : "now";
    this.event.textContent = `${words}: ${event}`;
  }

  rewind() {
    const position = Number(this.slider.value);
    const isLast = position >= Number(this.slider.max);
    this.set({ position: isLast ? null : position });
  }

  // Pressing and keys -------------------------------------------------------------

  /** @returns {SVGElement[]} */
  targets() {
    const chosen = ".meshwidget-message, .meshwidget-link, .meshwidget-fold";
    return [...this.picture.querySelectorAll(chosen)];
  }

  /** @param {EventTarget|null} element */
  press(element) {
    const target = targetOf(element);
    if (!target) return;
    this.focused = keyOf(target);
    if (target.dataset.number) {
      this.set({ selected: Number(target.dataset.number) });
    } else if (target.dataset.peers) {
      const pair = JSON.parse(target.dataset.peers);
      const isChosen = target.classList.contains("selected");
      this.set({ pair: isChosen ? null : pair });
    } else {
      this.set({ limit: 2 ** 20 });
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const targets = this.targets();
    const place = targets.indexOf(/** @type {any} */ (targetOf(event.target)));
    const moves = {
      ArrowDown: place + 1,
      ArrowRight: place + 1,
      ArrowUp: place - 1,
      ArrowLeft: place - 1,
      Home: 0,
      End: targets.length - 1,
    };
    if (event.key in moves) {
      const next = targets[moves[/** @type {keyof typeof moves} */ (event.key)]];
      if (next) {
        targets.forEach((each) => each.setAttribute("tabindex", "-1"));
        next.setAttribute("tabindex", "0");
        next.focus();
        next.scrollIntoView({ block: "nearest" });
      }
    } else if (event.key === "Enter" || event.key === " ") {
      this.press(event.target);
    } else if (event.key === "Escape") {
      this.shut();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Close the detail and go back to where it was opened. */
  shut() {
    this.set({ selected: null });
    this.targets()
      .find((each) => keyOf(each) === this.focused)
      ?.focus();
  }
}

/** A message, opened. */
class Detail {
  /** @param {() => void} close */
  constructor(close) {
    this.shown = "";
    this.root = make("div", "meshwidget-detail", { role: "region" });
    this.root.hidden = true;
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    this.title = make("strong", "");
    const button = make("button", "", { type: "button" }, "Close");
    button.addEventListener("click", close);
    const head = make("div", "meshwidget-detail-head");
    head.append(this.title, button);
    this.body = make("div", "meshwidget-detail-body", { tabindex: "0" });
    this.root.append(head, this.body);
  }

  /** @param {MessageDetail|null} detail */
  show(detail) {
    const key = JSON.stringify(detail);
    if (key === this.shown) return;
    this.shown = key;
    this.root.hidden = !detail;
    this.body.replaceChildren();
    if (!detail) return;
    this.title.textContent = detail.title;
    this.root.setAttribute("aria-label", detail.title);
    this.body.append(factList(detail.facts));
    if (detail.fields.length) {
      const rows = detail.fields.map(({ name, value, says }) => [name, value, says]);
      this.body.append(table(["field", "value", "what it says"], rows));
    }
    if (detail.lines.length) this.body.append(...lineList(detail));
  }
}

/** @param {[string, string][]} facts */
function factList(facts) {
  const list = make("dl", "meshwidget-detail-facts");
  for (const [name, value] of facts) {
    list.append(make("dt", "", {}, name), make("dd", "", {}, value));
  }
  return list;
}

const SIGNS = { same: "", added: "+", removed: "−", changed: "~" };

/** @param {MessageDetail} detail */
function lineList({ lines, compared }) {
  const words = compared
    ? `Compared with ${compared}: + new, ~ other value, − gone`
    : "Line by line";
  const head = make("p", "meshwidget-detail-compared", {}, words);
  const body = make("table", "meshwidget-detail-lines");
  let section = "";
  for (const each of lines) {
    if (each.section !== section) {
      section = each.section;
      const row = make("tr", "meshwidget-detail-section");
      row.append(make("th", "", { colspan: "3", scope: "rowgroup" }, section));
      body.append(row);
    }
    const row = make("tr", "", { "data-change": each.change });
    const line = make("td", "meshwidget-detail-line");
    line.append(make("code", "", {}, each.line));
    if (each.previous) {
      line.append(make("del", "", {}, each.previous));
    }
    const says = make("td", "", {}, each.says);
    const because = [each.why, each.spec].filter(Boolean).join(" · ");
    if (because) says.append(make("small", "", {}, because));
    const sign = make("td", "", { title: each.change }, SIGNS[each.change]);
    row.append(sign, line, says);
    body.append(row);
  }
  return [head, body];
}

/**
 * @param {string[]} heads
 * @param {string[][]} rows
 */
function table(heads, rows) {
  const made = make("table", "meshwidget-detail-lines");
  const head = make("tr", "");
  head.append(...heads.map((text) => make("th", "", { scope: "col" }, text)));
  made.append(head);
  for (const row of rows) {
    const line = make("tr", "");
    line.append(...row.map((text) => make("td", "", {}, text)));
    made.append(line);
  }
  return made;
}

/** @param {string} one @param {string} other */
const pairKey = (one, other) => JSON.stringify([one, other]);

/**
 * What can be pressed, if that is in something that can.
 *
 * @param {EventTarget|null} element
 * @returns {SVGElement|null}
 */
function targetOf(element) {
  return element instanceof Element ? element.closest("[role=button]") : null;
}

/** @param {SVGElement|null} target */
function keyOf(target) {
  return target?.dataset.number ?? target?.dataset.peers ?? "";
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {Record<string, string>} [attributes]
 * @param {string} [text]
 */
function make(tag, className, attributes = {}, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

/** @param {string} text @param {HTMLElement} control */
function labelled(text, control) {
  const label = make("label", "");
  label.append(text, " ", control);
  return label;
}

/** @param {HTMLSelectElement} select @param {string[][]} choices */
function fill(select, choices) {
  const key = JSON.stringify(choices);
  if (select.dataset.choices === key) return;
  select.dataset.choices = key;
  select.replaceChildren(
    ...choices.map(([value, text]) => make("option", "", { value }, text)),
  );
}
