// Keys and pointer of the gallery. Single letters work only while the gallery has the focus, and can be switched off.
import { one, say } from "./dom.js";
import { letterOf } from "./hotkeys.js";
import { FLAG } from "./labelstate.js";

/**
 * @param {import("./grid.js").Grid} grid @param {import("./images.js").Images} images
 * @param {{ keyed: () => (string | undefined)[], label: (name: string) => void, next: (step?: number) => void, pick: () => void, mark: (mark: any, flag: number) => void,
 *   resize: (step: number) => void, chosen: () => any[], undo: () => void, redo: () => void, clear: () => void, open: () => void, remove: () => void, move: () => void,
 *   paint: (image: any, name: string, join: boolean) => void, unpaint: () => void, selection: () => void, accept: () => boolean, acceptAll: () => void, reject: () => void }} act
 */
export function listenToKeys(grid, images, act) {
  /** A digit that is held, and whether its press labelled something that painting takes back. @type {{ name: string, acted: boolean } | null} */
  let held = null;
  let painting = false, anchor = 0;

  /** @param {number} at @param {boolean} extend */
  const go = (at, extend) => {
    const to = Math.max(0, Math.min(images.view.length - 1, at));
    if (extend) select(Math.min(anchor, to), Math.max(anchor, to)); else anchor = to;
    grid.moveTo(to);
  };
  /** @param {number} from @param {number} to */
  const select = (from, to) => {
    const before = [...grid.selected];
    grid.selected = new Set(images.view.slice(from, to + 1).map((i) => i.key));
    grid.update(new Set([...before, ...grid.selected]));
    act.selection();
  };
  /** @param {number} at */
  const toggle = (at) => {
    const key = images.view[at]?.key;
    if (!key) return;
    if (!grid.selected.delete(key)) grid.selected.add(key);
    grid.update([key]);
    act.selection();
  };
  const page = () => Math.max(1, Math.floor(grid.box.clientHeight / grid.rowHeight)) * grid.columns;

  /** @type {Record<string, (event: KeyboardEvent) => void>} */
  const plain = {
    ArrowLeft: (e) => go(grid.focus - 1, e.shiftKey), ArrowRight: (e) => go(grid.focus + 1, e.shiftKey),
    ArrowUp: (e) => go(grid.focus - grid.columns, e.shiftKey), ArrowDown: (e) => go(grid.focus + grid.columns, e.shiftKey),
    Home: (e) => go(0, e.shiftKey), End: (e) => go(images.view.length - 1, e.shiftKey),
    PageUp: (e) => go(grid.focus - page(), e.shiftKey), PageDown: (e) => go(grid.focus + page(), e.shiftKey),
    " ": () => toggle(grid.focus), Delete: () => act.remove(), Escape: () => select(0, -1),
    "+": () => act.resize(1), "=": () => act.resize(1), "-": () => act.resize(-1), "0": () => act.clear(),
    "/": () => /** @type {HTMLElement} */ (one("#name")).focus(), "?": () => /** @type {HTMLDialogElement} */ (one("#keys")).showModal(), Enter: (e) => { if (e.shiftKey) act.acceptAll(); else if (!act.accept()) act.open(); },
  };
  /** @type {Record<string, () => void>} */
  const letters = {
    l: () => act.pick(), n: () => act.mark("nothing", FLAG.nothing), u: () => act.mark("unsure", FLAG.unsure), p: () => act.mark("approved", FLAG.approved),
    t: () => act.move(), x: () => act.reject(), o: () => act.open(), d: () => act.next(), a: () => act.next(-1),
  };

  grid.box.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "a") select(0, images.view.length - 1);
    else if (command || event.altKey) return;
    else if (/^[1-9]$/.test(event.key)) digit(event);
    else if (plain[event.key]) plain[event.key](event);
    else if (letters[letterOf(event.key)]) letters[letterOf(event.key)]();
    else return;
    event.preventDefault();
  });
  // The same everywhere on the page.
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || /** @type {Element} */ (event.target).matches("input, textarea")) return;
    event.preventDefault();
    if (event.shiftKey) act.redo(); else act.undo();
  });

  /** @param {KeyboardEvent} event */
  function digit(event) {
    if (event.repeat || held) return;
    const name = act.keyed()[Number(event.key)];
    if (!name) { say(`No label has the key ${event.key}`); return; }
    held = { name, acted: true };
    act.label(name);
  }
  grid.box.addEventListener("keyup", (event) => { if (/^[1-9]$/.test(event.key)) { held = null; painting = false; } });
  grid.box.addEventListener("blur", () => { held = null; painting = false; });

  /** @param {EventTarget | null} target @returns {number} */
  const placeOf = (target) => Number(/** @type {Element | null} */ (target)?.closest?.(".tile")?.getAttribute("data-at") ?? -1);
  grid.box.addEventListener("pointerdown", (event) => {
    const at = placeOf(event.target);
    if (at < 0 || event.button !== 0) return;
    grid.box.focus({ preventScroll: true });
    if (held) {
      // The key was not meant for the focused image, but for painting.
      if (held.acted) act.unpaint();
      painting = true;
      event.preventDefault();
      act.paint(images.view[at], held.name, false);
      held.acted = false;
    } else if (event.shiftKey) go(at, true);
    else if (event.ctrlKey || event.metaKey) { toggle(at); grid.moveTo(at); anchor = at; }
    else { if (grid.selected.size > 0) select(0, -1); go(at, false); }
  });
  grid.box.addEventListener("pointerover", (event) => {
    const at = placeOf(event.target);
    if (painting && held && at >= 0 && event.buttons & 1) act.paint(images.view[at], held.name, true);
  });
  addEventListener("pointerup", () => { painting = false; });
  grid.box.addEventListener("dblclick", (event) => { if (placeOf(event.target) >= 0) act.open(); });
}
