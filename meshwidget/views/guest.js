/**
 * This browser as a participant of a call.
 *
 * One plain ES module, for the notebook's widget and for the room page. `Guest` speaks
 * the protocol and holds the RTCPeerConnections, a `Link` each, and knows nothing of
 * the page; `openMedia` finds something to send; `GuestView` is one place on a page
 * where a learner joins, leaves and looks.
 *
 * What comes over one link is handled one by one: each step waits for the one before
 * (webrtc-pc, section 4.4.1.2, says the same of the operations themselves).
 *
 * Names and sentences come from outside: they are set as text, never as markup.
 *
 * @typedef {object} Line a way to the kernel: a widget's comm, a WebSocket
 * @property {(message: object) => boolean} send false when nobody is there any more
 * @property {(receive: (message: any) => void) => void} listen
 * @property {(check: () => void) => void} whenInterrupted
 * @property {() => void} close
 *
 * @typedef {{ok: boolean, message: string, code?: string, id?: string, session?: string}} Reply
 *
 * @typedef {object} Media
 * @property {MediaStream} stream
 * @property {string} words what it is, and why it is no camera; empty for a camera
 * @property {() => void} stop
 */

const SIZE = 240;
const FRAMES_PER_SECOND = 30;

/** Candidates kept for one whose offer has not come yet; there are a dozen at most. */
const MAX_EARLY_CANDIDATES = 64;

/** Or else JupyterLab takes Enter, letters and arrows for the notebook's own. */
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const KERNEL_GONE = "The kernel is gone. Run the cell again.";
const CALL_CLOSED = "This call is closed. Run its cell again to start a new one.";

export default () => {
  /** @type {Guest} */
  let guest;
  return {
    /** @param {{model: any}} context */
    async initialize({ model }) {
      guest = new Guest(lineOf(await reach(model)));
      return () => guest.close();
    },
    /** @param {{el: HTMLElement}} context */
    render({ el }) {
      const view = new GuestView(guest, el);
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

/**
 * @param {any} model or what takes its place
 * @returns {Line}
 */
export function lineOf(model) {
  return {
    send(message) {
      try {
        model.send(message);
        return true;
      } catch {
        return false; // the comm is disposed: the kernel restarted or died
      }
    },
    listen(receive) {
      model.on("msg:custom", receive);
    },
    whenInterrupted(check) {
      model.on("comm_live_update", check);
    },
    close: () => model.hangUp?.(),
  };
}

/** One participant: its membership, and a link to each of the others. */
export class Guest {
  /** @param {Line} line */
  constructor(line) {
    this.line = line;
    this.client = randomId();
    /** "out", "joining", or "in" the room. */
    this.state = "out";
    this.name = "";
    this.id = "";
    this.session = "";
    this.room = "";
    /** @type {RTCIceServer[]} */
    this.iceServers = [];
    /** Why it is all over, in words. */
    this.over = "";
    /** Said hello, and was not answered yet. */
    this.waiting = false;
    /** Why this browser is not in the room, or not as it should be. */
    this.problem = "";
    /** @type {Media|null} */
    this.media = null;
    /** By the other's id, in order of meeting. @type {Map<string, Link>} */
    this.links = new Map();
    /** @type {Map<string, RTCIceCandidateInit[]>} */
    this.early = new Map();
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    this.lastRequest = 0;
    /** @type {Map<number, (reply: Reply) => void>} */
    this.requests = new Map();

    this.ending = new AbortController();
    const { signal } = this.ending;
    line.listen((message) => this.receive(message));
    line.whenInterrupted(() => this.greet());
    window.addEventListener("pagehide", () => this.depart(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.greet(), {
      signal,
    });
    this.greet();
  }

  /** The page is done with the call. */
  close() {
    this.depart();
    this.ending.abort();
    this.line.close();
  }

  /**
   * @param {string} name
   * @param {Media} media is stopped when this browser is out again
   */
  join(name, media) {
    this.name = name;
    this.media = media;
    this.session = "";
    this.state = "joining";
    this.problem = "";
    this.enter();
  }

  leave() {
    this.signal("leave_room", undefined, () => {});
    this.stop("");
  }

  /** Leave as it is done when there is no time to wait for an answer. */
  depart() {
    if (this.state !== "out") this.leave();
    this.say({ type: "bye" });
  }

  greet() {
    if (this.ending.signal.aborted || this.over) return;
    this.waiting = true;
    this.say({ type: "hello" });
    this.changed();
  }

  // The conversation with the kernel --------------------------------------------------

  /** @param {object} message */
  say(message) {
    if (this.line.send({ ...message, client: this.client })) return;
    this.over = KERNEL_GONE;
    this.stop("");
  }

  /**
   * @param {string} event
   * @param {unknown} payload
   * @param {(reply: Reply) => void} settle called before anything that comes later
   */
  signal(event, payload, settle) {
    const request = ++this.lastRequest;
    this.requests.set(request, settle);
    this.say({ type: "signal", request, event, payload });
  }

  /** @param {any} message */
  receive(message) {
    // All pages of a widget share one comm.
    if (message.client !== undefined && message.client !== this.client) return;
    switch (message.type) {
      case "settings":
        this.room = message.room;
        this.iceServers = message.iceServers;
        this.waiting = false;
        if (this.state !== "out" && !message.connected) this.enter();
        this.changed();
        break;
      case "signal":
        this.handle(message.event, message.payload);
        break;
      case "reply":
        this.requests.get(message.request)?.(message);
        this.requests.delete(message.request);
        break;
      case "ping":
        this.say({ type: "alive" });
        break;
      case "gone":
        if (this.state !== "out") this.enter();
        break;
      case "refused":
        console.error(`meshwidget: ${message.message}`);
        break;
      case "closed":
        this.over = CALL_CLOSED;
        this.stop("");
        this.line.close();
        break;
    }
  }

  /** Ask to be let in, or back in. */
  enter() {
    const request = { room: this.room, email: this.name };
    if (this.session) request.session = this.session;
    this.signal("join_room", request, (reply) => this.entered(reply));
  }

  /** @param {Reply} reply */
  entered(reply) {
    if (this.state === "out") return; // left in the meantime
    if (!reply.ok) {
      // Nobody has answered, and it will be asked again; or it has been asked twice.
      if (reply.code === undefined || reply.code === "already_joined") return;
      this.stop(reply.message);
      return;
    }
    // Another id is another place: those who are there hear of a newcomer.
    if (reply.id !== this.id) this.hangUp();
    this.id = reply.id ?? "";
    this.session = reply.session ?? "";
    this.state = "in";
    this.changed();
  }

  /** Be out of the room. @param {string} problem */
  stop(problem) {
    this.state = "out";
    this.problem = problem;
    this.id = this.session = "";
    this.hangUp();
    this.media?.stop();
    this.media = null;
    this.requests.clear();
    this.changed();
  }

  hangUp() {
    this.links.forEach((link) => link.close());
    this.links.clear();
    this.early.clear();
  }

  changed() {
    this.watchers.forEach((watcher) => watcher());
  }

  // What the server sends on -----------------------------------------------------------

  /**
   * @param {string} event
   * @param {any} payload
   */
  handle(event, payload) {
    if (this.state === "out") return;
    switch (event) {
      case "all_users":
        this.meetAll(payload);
        break;
      case "getOffer": {
        // A second offer is a new beginning.
        const link = this.meet(payload.offerSendID, payload.offerSendEmail);
        link.run(() => link.takeOffer(payload.sdp));
        break;
      }
      case "getAnswer": {
        const link = this.links.get(payload.answerSendID);
        link?.run(() => link.takeAnswer(payload.sdp));
        break;
      }
      case "getCandidate":
        this.takeCandidate(payload.candidateSendID, payload.candidate);
        break;
      case "user_exit":
        this.early.delete(payload.id);
        this.links.get(payload.id)?.close();
        this.links.delete(payload.id);
        this.changed();
        break;
      case "signaling_error":
        console.warn(`meshwidget: ${payload.event} was refused: ${payload.message}`);
        break;
    }
  }

  /**
   * Offer to everybody present. All of them are met before the first description is
   * made, so that what comes in the meantime finds its link; the offers go out in order,
   * so that a call that is stepped through is the same every time.
   *
   * @param {{id: string, email: string}[]} users
   */
  async meetAll(users) {
    const links = users.map((user) => this.meet(user.id, user.email));
    const described = links.map((link) => link.run(() => link.makeOffer()));
    for (const [place, link] of links.entries()) {
      await described[place];
      link.sendDescription("offer");
    }
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  meet(id, name) {
    this.links.get(id)?.close();
    const link = new Link(this, id, name);
    this.links.set(id, link);
    for (const candidate of this.early.get(id) ?? []) {
      link.run(() => link.takeCandidate(candidate));
    }
    this.early.delete(id);
    this.changed();
    return link;
  }

  /**
   * @param {string} id
   * @param {RTCIceCandidateInit} candidate
   */
  takeCandidate(id, candidate) {
    const link = this.links.get(id);
    if (link) {
      link.run(() => link.takeCandidate(candidate));
      return;
    }
    const early = this.early.get(id) ?? [];
    if (early.length < MAX_EARLY_CANDIDATES) this.early.set(id, [...early, candidate]);
  }
}

/** An RTCPeerConnection to one of the others. */
class Link {
  /**
   * @param {Guest} guest
   * @param {string} id
   * @param {string} name
   */
  constructor(guest, id, name) {
    this.guest = guest;
    this.id = id;
    this.name = name;
    this.isOfferer = false;
    /** What could not be done, in words. */
    this.problem = "";
    /** What is received: a track of each kind at most. */
    this.stream = new MediaStream();
    this.closed = false;
    /** Incoming candidates that have no description yet. @type {RTCIceCandidateInit[]} */
    this.early = [];
    /** Outgoing ones that must not overtake it; null once it is sent. @type {RTCIceCandidateInit[]|null} */
    this.waiting = [];
    this.chain = Promise.resolve();
    const connection = new RTCPeerConnection({
      iceServers: guest.iceServers,
      bundlePolicy: "max-bundle",
    });
    this.connection = connection;
    const changed = () => guest.changed();
    connection.addEventListener("icecandidate", ({ candidate }) => {
      this.tellCandidate(candidate);
    });
    connection.addEventListener("track", ({ track }) => {
      this.stream.addTrack(track);
      changed();
    });
    for (const event of ["signalingstatechange", "iceconnectionstatechange"]) {
      connection.addEventListener(event, changed);
    }
    connection.addEventListener("connectionstatechange", () => {
      // Whoever offered offers again: one of the two, so that they do not collide.
      const failed = connection.connectionState === "failed";
      if (failed && this.isOfferer) this.guest.meetAll([{ id, email: name }]);
      changed();
    });
  }

  /** How it is, in words. */
  get words() {
    const { signalingState, iceConnectionState, connectionState } = this.connection;
    if (this.closed) return "closed";
    if (this.problem) return this.problem;
    switch (connectionState) {
      case "connected":
        return "connected";
      case "disconnected":
        return "disconnected: nothing arrives";
      case "failed":
        return "failed: no path to it";
    }
    if (signalingState === "have-local-offer") return "waiting: no answer yet";
    if (signalingState !== "stable" || this.connection.remoteDescription === null) {
      return "waiting: descriptions";
    }
    return iceConnectionState === "checking" || iceConnectionState === "new"
      ? "waiting: ICE checks addresses"
      : "waiting: DTLS handshake";
  }

  /** Whether the other side announced a picture. */
  get receivesVideo() {
    return this.stream.getVideoTracks().length > 0;
  }

  /**
   * Do one step after all before it; what fails is said, and the next one goes on.
   *
   * @param {() => Promise<void>} step
   */
  run(step) {
    this.chain = this.chain.then(async () => {
      if (this.closed) return;
      try {
        await step();
      } catch (error) {
        if (this.closed) return;
        this.problem = `failed: ${error.message}`;
        console.error(`meshwidget: link to ${this.name}: ${error.message}`);
        this.guest.changed();
      }
    });
    return this.chain;
  }

  async makeOffer() {
    this.isOfferer = true;
    this.addTracks();
    for (const kind of ["audio", "video"]) {
      const sends = this.connection.getSenders().some((each) => each.track?.kind === kind);
      if (!sends) this.connection.addTransceiver(kind, { direction: "recvonly" });
    }
    await this.connection.setLocalDescription();
  }

  /** @param {RTCSessionDescriptionInit} description */
  async takeOffer(description) {
    // First the offer's sections, which the tracks then fill.
    this.addTracks();
    await this.connection.setRemoteDescription(description);
    await this.addEarly();
    await this.connection.setLocalDescription();
    this.sendDescription("answer");
  }

  /** @param {RTCSessionDescriptionInit} description */
  async takeAnswer(description) {
    if (this.connection.signalingState !== "have-local-offer") {
      console.warn(`meshwidget: an answer of ${this.name} that nobody waits for`);
      return;
    }
    await this.connection.setRemoteDescription(description);
    await this.addEarly();
  }

  /** @param {RTCIceCandidateInit} candidate */
  async takeCandidate(candidate) {
    if (this.connection.remoteDescription === null) {
      if (this.early.length < MAX_EARLY_CANDIDATES) this.early.push(candidate);
      return;
    }
    try {
      await this.connection.addIceCandidate(candidate);
    } catch (error) {
      // Others may do: it is no reason to give the link up.
      console.warn(`meshwidget: a candidate of ${this.name}: ${error.message}`);
    }
  }

  async addEarly() {
    for (const candidate of this.early.splice(0)) await this.takeCandidate(candidate);
  }

  addTracks() {
    const stream = this.guest.media?.stream;
    stream?.getTracks().forEach((track) => this.connection.addTrack(track, stream));
  }

  /** @param {"offer"|"answer"} kind */
  sendDescription(kind) {
    if (this.closed || this.connection.localDescription?.type !== kind) return;
    const { type, sdp } = this.connection.localDescription;
    // Without the candidates gathered so far: each is sent on its own.
    const bare = sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "");
    this.send(kind, { sdp: { type, sdp: bare } });
    const waiting = this.waiting ?? [];
    this.waiting = null;
    waiting.forEach((candidate) => this.send("candidate", { candidate }));
  }

  /** @param {RTCIceCandidate|null} candidate null says that there are no more */
  tellCandidate(candidate) {
    const end = { candidate: "", sdpMid: "0", sdpMLineIndex: 0 };
    const init = candidate?.toJSON() ?? end;
    if (this.waiting) this.waiting.push(init);
    else this.send("candidate", { candidate: init });
  }

  /**
   * @param {"offer"|"answer"|"candidate"} kind
   * @param {object} body
   */
  send(kind, body) {
    if (this.closed) return;
    const payload = {
      ...body,
      [`${kind}SendID`]: this.guest.id,
      [`${kind}ReceiveID`]: this.id,
    };
    if (kind === "offer") payload.offerSendEmail = this.guest.name;
    this.guest.signal(kind, payload, (reply) => {
      // The other one has left, and its user_exit is on the way; or the line broke.
      if (reply.ok || ["unknown_target", undefined].includes(reply.code)) return;
      this.problem = `failed: ${reply.message}`;
      this.guest.changed();
    });
  }

  close() {
    this.closed = true;
    this.connection.close();
  }
}

// Something to send ---------------------------------------------------------------------

/**
 * The camera and the microphone, as far as there are any and the learner lets us, or
 * else a picture that is drawn.
 *
 * @param {string} name
 * @returns {Promise<Media>}
 */
export async function openMedia(name) {
  const video = {
    width: { ideal: SIZE },
    height: { ideal: SIZE },
    frameRate: { ideal: FRAMES_PER_SECOND },
  };
  const { stream, reason } = await openDevices([
    { video, audio: true },
    { video },
    { audio: true },
  ]);
  const camera = stream?.getVideoTracks()[0];
  if (stream && camera) {
    camera.contentHint = "motion";
    return { stream, words: "", stop: () => stopTracks(stream) };
  }
  const drawn = new DrawnPicture(name);
  const tracks = [drawn.track, ...(stream?.getAudioTracks() ?? [])];
  return {
    stream: new MediaStream(tracks),
    words: `drawn picture: ${reason}`,
    stop() {
      drawn.stop();
      tracks.forEach((track) => track.stop());
    },
  };
}

/**
 * @param {MediaStreamConstraints[]} wishes the best first
 * @returns {Promise<{stream: MediaStream|null, reason: string}>} why there is no camera
 */
async function openDevices(wishes) {
  if (!navigator.mediaDevices?.getUserMedia) {
    return {
      stream: null,
      reason:
        "browsers give a camera only to pages with https or of this computer (localhost)",
    };
  }
  let reason = "this computer has no camera";
  for (const wish of wishes) {
    try {
      return { stream: await navigator.mediaDevices.getUserMedia(wish), reason };
    } catch (error) {
      if (error.name === "NotAllowedError") {
        return {
          stream: null,
          reason: "the camera was refused; the browser's address bar lets you allow it",
        };
      }
      if (wish.video && error.name !== "NotFoundError") {
        reason = `the camera cannot be used: ${error.message || error.name}`;
      }
    }
  }
  return { stream: null, reason };
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

/** A picture for those who have no camera: a name, and something that moves. */
class DrawnPicture {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.canvas = make("canvas", "", { width: String(SIZE), height: String(SIZE) });
    this.context = /** @type {CanvasRenderingContext2D} */ (
      this.canvas.getContext("2d", { alpha: false })
    );
    this.stream = this.canvas.captureStream(FRAMES_PER_SECOND);
    this.track = this.stream.getVideoTracks()[0];
    this.draw();
    // A page's own timers are slowed down while nobody looks at it; the others would
    // see a picture that stands still.
    const source = `setInterval(() => postMessage(0), ${1000 / FRAMES_PER_SECOND})`;
    this.address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.clock = new Worker(this.address);
    this.clock.onmessage = () => this.draw();
    // Where a policy forbids workers, a slow picture is better than none.
    this.clock.onerror = () => {
      this.timer = setInterval(() => this.draw(), 1000 / FRAMES_PER_SECOND);
    };
  }

  draw() {
    const { context } = this;
    const turn = (performance.now() / 4000) * 2 * Math.PI;
    context.fillStyle = "#26323d";
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = "#5b7083";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(SIZE / 2, SIZE / 2, 84, 0, 2 * Math.PI);
    context.stroke();
    context.fillStyle = "#ffb74d";
    context.beginPath();
    context.arc(SIZE / 2 + 84 * Math.cos(turn), SIZE / 2 + 84 * Math.sin(turn), 11, 0, 7);
    context.fill();
    context.fillStyle = "#fff";
    context.textAlign = "center";
    context.font = "600 26px system-ui, sans-serif";
    context.fillText(this.name, SIZE / 2, SIZE / 2, 140);
    context.fillStyle = "#b8c4ce";
    context.font = "16px system-ui, sans-serif";
    context.fillText("no camera", SIZE / 2, SIZE / 2 + 28);
  }

  stop() {
    this.clock.terminate();
    clearInterval(this.timer);
    URL.revokeObjectURL(this.address);
    stopTracks(this.stream);
  }
}

// On the page -----------------------------------------------------------------------------

/** Where a learner joins with this browser, and sees what it receives. */
export class GuestView {
  /**
   * @param {Guest} guest
   * @param {HTMLElement} element
   * @param {string} name to begin with
   */
  constructor(guest, element, name = "browser") {
    this.guest = guest;
    /** @type {Map<string, GuestTile>} */
    this.tiles = new Map();
    this.hasSound = false;
    /** The camera's question is open. @type {object|null} */
    this.asking = null;

    this.name = make("input", "meshwidget-guest-name", {
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.name.value = name;
    this.join = makeButton("submit", "Join from this browser");
    this.leave = makeButton("button", "Leave");
    this.sound = makeButton("button", "Sound on");
    const label = make("label", "meshwidget-guest-label", {}, make("span", "", {}, "Name"));
    label.append(this.name);
    this.form = make("form", "meshwidget-guest-join", {}, label, this.join);
    this.bar = make("div", "meshwidget-guest-bar", {}, this.form, this.leave, this.sound);
    this.error = make("p", "meshwidget-guest-error", { role: "alert" });
    this.heading = make("div", "meshwidget-guest-heading");
    this.grid = make("div", "meshwidget-guest-row", { role: "group" });
    this.status = make("p", "meshwidget-guest-status", { role: "status" });
    this.root = make(
      "section",
      "meshwidget-guest",
      { "aria-label": "this browser in the call" },
      this.bar,
      this.error,
      this.heading,
      this.grid,
      this.status,
    );
    element.append(this.root);

    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    // JupyterLab keeps Enter from submitting a form by itself. While a syllable is being
    // composed, as in Korean, Enter only ends that.
    this.name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.leave.addEventListener("click", () => this.goOut());
    this.sound.addEventListener("click", () => this.setSound(!this.hasSound));
    this.update = this.update.bind(this);
    guest.watchers.add(this.update);
    this.update();
  }

  close() {
    this.guest.watchers.delete(this.update);
    // Nobody can see any more that the camera is on, nor turn it off.
    if (this.guest.watchers.size === 0) this.goOut();
    this.tiles.forEach((tile) => tile.close());
    this.root.remove();
  }

  async submit() {
    if (this.asking || this.join.disabled) return;
    const name = this.name.value.trim();
    const asking = (this.asking = {});
    this.guest.problem = "";
    this.update();
    const media = await openMedia(name);
    if (this.asking !== asking) {
      media.stop(); // the learner has thought better of it
      return;
    }
    this.asking = null;
    if (this.guest.state === "out" && !this.guest.over) this.guest.join(name, media);
    else media.stop();
    this.update();
  }

  goOut() {
    this.asking = null;
    if (this.guest.state !== "out") this.guest.leave();
    this.update();
  }

  /** @param {boolean} on */
  setSound(on) {
    this.hasSound = on;
    this.update();
  }

  update() {
    const { guest } = this;
    const { state, over, waiting } = guest;
    const out = state === "out" && !this.asking;
    const focus = this.root.contains(document.activeElement) ? document.activeElement : null;
    this.form.hidden = !out;
    this.name.disabled = over !== "";
    this.join.disabled = over !== "" || waiting || !out;
    this.leave.hidden = out;
    this.sound.hidden = state !== "in";
    setText(this.sound, this.hasSound ? "Sound off" : "Sound on");
    setText(this.error, guest.problem);
    this.name.setAttribute("aria-invalid", String(guest.problem !== ""));
    setText(this.status, this.sentence());
    const heading = `${guest.name} (this browser) receives`;
    this.heading.hidden = this.grid.hidden = state !== "in";
    setText(this.heading, heading);
    this.grid.setAttribute("aria-label", heading);
    this.updateTiles();
    // The button that was pressed is hidden now: the keyboard stays here.
    if (focus instanceof HTMLElement && focus.closest("[hidden]")) {
      (out ? this.name : this.leave).focus();
    }
  }

  sentence() {
    const { state, over, waiting, links, name, media, room } = this.guest;
    if (over) return over;
    if (waiting && state === "out") return "Waiting for the kernel.";
    if (waiting) return "No line to the kernel; it is tried again. Pictures go on.";
    if (this.asking) return "The browser asks for the camera and the microphone.";
    if (state === "out") {
      return (
        "Joining sends this browser's camera and microphone to everybody in the room, " +
        "or a drawn picture instead."
      );
    }
    if (state === "joining") return `Joining room ${room} as ${name}.`;
    const others = [...links.values()];
    const connected = others.filter((link) => link.words === "connected").length;
    const count = `${name} is connected to ${connected} of ${others.length}.`;
    const parts = [others.length === 0 ? `${name} is alone in the room.` : count];
    if (media?.words) parts.push(`It sends a ${media.words}.`);
    return parts.join(" ");
  }

  updateTiles() {
    const { guest } = this;
    /** @type {Map<string, () => GuestTile>} */
    const wanted = new Map();
    if (guest.state === "in" && guest.media) {
      const { media } = guest;
      wanted.set("", () => new GuestTile(guest.name, media.stream, true));
      guest.links.forEach((link, id) => {
        wanted.set(id, () => new GuestTile(link.name, link.stream, false));
      });
    }
    for (const [key, tile] of this.tiles) {
      const stream = key === "" ? guest.media?.stream : guest.links.get(key)?.stream;
      if (tile.stream === stream) continue; // else it is gone, or another connection
      tile.close();
      this.tiles.delete(key);
    }
    let place = 0;
    for (const [key, create] of wanted) {
      const tile = this.tiles.get(key) ?? create();
      this.tiles.set(key, tile);
      const there = this.grid.children[place++] ?? null;
      if (there !== tile.element) this.grid.insertBefore(tile.element, there);
      const link = guest.links.get(key);
      if (link) tile.update(link.words, link.receivesVideo);
      else tile.update(guest.media?.words || "local", true);
      tile.setSound(this.hasSound && key !== "");
    }
    this.grid.style.setProperty("--mw-count", String(place));
  }
}

/** One participant's picture, its name, its state in words. */
class GuestTile {
  /**
   * @param {string} peer
   * @param {MediaStream} stream
   * @param {boolean} isLocal
   */
  constructor(peer, stream, isLocal) {
    this.stream = stream;
    this.isLocal = isLocal;
    this.words = "";
    this.receivesVideo = true;
    // Browsers play what is silent without asking for a click.
    this.video = make("video", "meshwidget-guest-video", {
      autoplay: "",
      playsinline: "",
      "aria-label": isLocal ? "your own picture" : `picture of ${peer}`,
    });
    this.video.muted = true;
    this.video.srcObject = stream;
    this.video.addEventListener("loadeddata", () => this.show());
    this.over = make("div", "meshwidget-guest-words");
    this.state = make("span", "meshwidget-guest-state");
    this.element = make(
      "div",
      "meshwidget-tile",
      { role: "group", "data-peer": peer, "data-state": "waiting" },
      make("div", "meshwidget-guest-picture", {}, this.video, this.over),
      make(
        "div",
        "meshwidget-guest-caption",
        {},
        make("span", "meshwidget-guest-peer", { title: peer }, peer),
        this.state,
      ),
    );
    this.peer = peer;
    this.element.toggleAttribute("data-local", isLocal);
  }

  /**
   * @param {string} words how the link is; of the own picture, what it is
   * @param {boolean} receivesVideo
   */
  update(words, receivesVideo) {
    this.words = words;
    this.receivesVideo = receivesVideo;
    this.show();
  }

  show() {
    const { words, isLocal } = this;
    const isConnected = isLocal || words === "connected";
    const hasPicture = this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    let text = "";
    let state = "live";
    if (/^(failed|disconnected|closed)/.test(words)) state = "down";
    else if (!isConnected) state = "waiting";
    else if (!this.receivesVideo) state = "blank";
    else if (!hasPicture) state = "waiting";
    if (!isConnected) text = words;
    else if (!this.receivesVideo) text = "sends no video";
    else if (!hasPicture) text = "waiting: first picture";
    else if (isLocal && words !== "local") text = words;
    this.element.dataset.state = state;
    setText(this.over, text);
    const short = words.split(":")[0];
    setText(this.state, isLocal ? (short === "local" ? "local" : `local · ${short}`) : short);
    const whose = isLocal ? `${this.peer}, own picture` : `${this.peer} as this browser receives it`;
    this.element.setAttribute("aria-label", text ? `${whose}: ${text}` : whose);
  }

  /** @param {boolean} on */
  setSound(on) {
    if (this.video.muted === !on) return;
    this.video.muted = !on;
    // It was let play only because it was silent; a click has allowed more.
    if (on) this.video.play().catch((error) => console.warn(`meshwidget: ${error.message}`));
  }

  close() {
    this.video.srcObject = null;
    this.element.remove();
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
  return make("button", "meshwidget-guest-button", { type, ...OWN_KEYS }, text);
}

/** Only what differs is set: a live region speaks at every change. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
