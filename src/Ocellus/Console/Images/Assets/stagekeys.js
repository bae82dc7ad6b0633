// Keys of the stage. Single letters work only while the stage has the focus, and can be switched off.
import { one, say } from "./dom.js";
import { letterOf } from "./hotkeys.js";
import { move } from "./geometry.js";
import { FLAG } from "./labelstate.js";

/** @typedef {import("./labelstate.js").Box} Box */

/**
 * @param {import("./canvas.js").Canvas} canvas
 * @param {{ keyed: () => (string | undefined)[], choose: (name: string) => void, pick: () => void, select: (at: number) => void, remove: (at: number) => void, go: (step: number) => void,
 *   unlabelled: (step: number) => void, undo: () => void, redo: () => void, nudge: (make: (box: Box, size: { width: number, height: number }) => Box) => void, repeat: () => void, copy: () => void,
 *   paste: () => void, duplicate: () => void, mark: (mark: any, flag: number) => void, back: () => void, lock: () => void, acceptAll: () => void, accept: () => void, reject: () => void, tighten: () => void }} act
 */
export function listenToStage(canvas, act) {
  const stage = canvas.stage;
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  /** @type {Record<string, (shift: boolean) => void>} */
  const letters = {
    l: () => act.pick(), r: () => act.repeat(), y: () => act.accept(), x: () => act.reject(), s: () => act.tighten(), f: () => canvas.fit(), b: () => act.lock(), z: () => zoom(),
    n: () => act.mark("nothing", FLAG.nothing), u: () => act.mark("unsure", FLAG.unsure), p: () => act.mark("approved", FLAG.approved),
    d: (shift) => shift ? act.unlabelled(1) : act.go(1), a: (shift) => shift ? act.unlabelled(-1) : act.go(-1),
  };
  let zoomed = -1;

  /** Zooms to the selected box; again to the next one. */
  function zoom() {
    if (canvas.boxes.length === 0) return;
    if (zoomed >= 0 && zoomed === canvas.selected) act.select((zoomed + 1) % canvas.boxes.length);
    else if (canvas.selected < 0) act.select(0);
    zoomed = canvas.selected;
    canvas.zoomToBox(zoomed);
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key does something */
  function press(event) {
    const command = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const arrow = arrows[event.key];
    if (arrow && canvas.selected >= 0) {
      const step = event.shiftKey ? 10 : 1, [x, y] = [arrow[0] * step, arrow[1] * step];
      act.nudge((box, size) => command
        ? { ...box, width: Math.min(Math.max(1, box.width + x), size.width - box.left), height: Math.min(Math.max(1, box.height + y), size.height - box.top) }
        : move(box, x, y, size));
      return true;
    }
    if (command) {
      /** @type {Record<string, () => void>} */
      const commands = { c: act.copy, v: act.paste, d: act.duplicate };
      if (!commands[key] || event.shiftKey) return false;
      commands[key]();
      return true;
    }
    if (event.altKey) return false;
    if (key === "Tab") {
      // After the last box Tab leaves the stage: nobody is caught in it.
      const to = canvas.selected + (event.shiftKey ? -1 : 1);
      if (canvas.boxes.length === 0 || to < 0 || to >= canvas.boxes.length) { if (canvas.selected >= 0) act.select(-1); return false; }
      act.select(to);
      return true;
    }
    if (/^[1-9]$/.test(key)) {
      const name = act.keyed()[Number(key)];
      if (name) act.choose(name); else say(`No label has the key ${key}`);
      return true;
    }
    if (key === "Enter") { act.acceptAll(); return true; }
    if (key === "Delete" || key === "Backspace") { act.remove(canvas.selected); return true; }
    if (key === "Escape") { if (!canvas.cancel()) { if (canvas.selected >= 0) act.select(-1); else act.back(); } return true; }
    if (key === " ") { canvas.panning = true; return true; }
    if (key === "?") { /** @type {HTMLDialogElement} */ (one("#keys")).showModal(); return true; }
    if (key === "+" || key === "=" || key === "-") { canvas.zoom({ x: stage.clientWidth / 2, y: stage.clientHeight / 2 }, key === "-" ? 0.8 : 1.25); return true; }
    const letter = letterOf(event.key);
    if (letter === "h") { canvas.hidden = true; canvas.paint(); return true; }
    if (!letters[letter]) return false;
    letters[letter](event.shiftKey);
    return true;
  }
  stage.addEventListener("keydown", (event) => { if (press(event)) event.preventDefault(); });
  stage.addEventListener("keyup", (event) => {
    if (event.key === " ") canvas.panning = false;
    if (letterOf(event.key) === "h") { canvas.hidden = false; canvas.paint(); }
  });
  stage.addEventListener("blur", () => { canvas.panning = canvas.hidden = false; canvas.paint(); });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || /** @type {Element} */ (event.target).matches("input, textarea")) return;
    event.preventDefault();
    if (event.shiftKey) act.redo(); else act.undo();
  });
}
