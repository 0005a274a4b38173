/**
 * Tells the kernel whether somebody can see what this stands beside.
 *
 * It has no size and shows nothing. A page that sees it says so every five seconds; the
 * kernel forgets a page that has been silent for three times as long.
 */

const HEARTBEAT = 5000;

export default {
  /** @param {{model: any, el: HTMLElement}} context */
  render({ model, el }) {
    const client = crypto.getRandomValues(new Uint32Array(2)).join("-");
    let shown = false;
    let visible = false;
    const say = (/** @type {object} */ message) => {
      try {
        model.send({ client, ...message });
      } catch {
        // The kernel is gone, and nobody is there to be told.
      }
    };
    const beat = () => say({ type: "here", version: 1, visible });
    const look = () => {
      const now = shown && document.visibilityState === "visible";
      if (now === visible) return;
      visible = now;
      beat();
    };
    // A pixel, because what has no area is seen nowhere.
    el.style.cssText = "width: 1px; height: 1px; margin: 0; overflow: hidden";
    const watcher = new IntersectionObserver((entries) => {
      shown = entries[entries.length - 1].isIntersecting;
      look();
    }, { rootMargin: "600px" });
    watcher.observe(el);
    document.addEventListener("visibilitychange", look);
    const beating = setInterval(() => visible && beat(), HEARTBEAT);
    return () => {
      clearInterval(beating);
      watcher.disconnect();
      document.removeEventListener("visibilitychange", look);
      say({ type: "bye" });
    };
  },
};
