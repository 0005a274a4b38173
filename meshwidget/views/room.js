/**
 * The page of one room: this browser takes part, and no notebook is needed.
 *
 * Served by the Jupyter extension at `…/meshwidget/rooms/ID/`. All that it does is to
 * join `Guest` to a WebSocket and to the page; a comm, which it has not, is played by
 * something that nobody listens to.
 */

import { Guest, GuestView, lineOf } from "./guest.js";
import { reach } from "./transport.js";

const [, room] = /** @type {RegExpMatchArray} */ (
  location.pathname.match(/\/rooms\/([^/]+)\/$/)
);

const guest = new Guest(
  lineOf(
    reach({
      get: () => `rooms/${room}/views/guest`,
      send: () => {}, // said again when there is a WebSocket
      on: () => {},
    }),
  ),
);
const heading = /** @type {HTMLElement} */ (document.querySelector("h1"));
const place = /** @type {HTMLElement} */ (document.getElementById("guest"));
const view = new GuestView(guest, place, "guest");

guest.watchers.add(() => {
  if (guest.room) heading.textContent = document.title = `Room ${guest.room}`;
});

/** That a page of Jupyter's asks: JupyterHub takes no script's cookie without it. */
function proof() {
  const [, token] = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/) ?? [];
  return token === undefined ? {} : { "X-XSRFToken": token };
}

/** Whoever has no line asks whether there is a room at the other end of it. */
async function lookForRoom() {
  if (!guest.waiting || guest.over) return;
  const answer = await fetch("", { cache: "no-store", headers: proof() });
  if (answer.status === 404) guest.receive({ type: "closed" });
}

setInterval(() => lookForRoom().catch(() => {}), 2000); // no network: asked again

/** Who is logged in, as far as Jupyter knows a name. */
async function suggestName() {
  const answer = await fetch("../../../api/me", { headers: proof() });
  if (!answer.ok) return;
  const { name } = (await answer.json()).identity;
  // Jupyter makes one up for those who came with a token: the same for all of them.
  if (!name || name.startsWith("Anonymous ")) return;
  if (view.name.value === "guest") view.name.value = name;
}

suggestName().catch(() => {}); // only a suggestion
