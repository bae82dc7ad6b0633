// Single letters of gallery and stage: they can be switched off, and be others. Kept in this browser.

/** What the letters do. @type {Record<string, string>} */
export const LETTERS = {
  l: "Find a label", n: "Nothing here", u: "Unsure", p: "Approve", t: "Move to the other set", o: "Open the image", x: "Reject a suggestion", y: "Accept one suggestion",
  s: "Tighten the box", r: "Repeat the boxes of the previous image", f: "Fit the image", z: "Zoom to the box", b: "Draw only", h: "Hide the boxes while held", d: "Next", a: "Previous",
};

export const lettersOff = () => localStorage.getItem("ocellus-letters") === "off";

/** @param {boolean} on */
export function switchLetters(on) { if (on) localStorage.removeItem("ocellus-letters"); else localStorage.setItem("ocellus-letters", "off"); }

/** The keys that a person chose: letter of the action → key. @returns {Record<string, string>} */
function chosen() {
  try { return JSON.parse(localStorage.getItem("ocellus-hotkeys") ?? "{}"); } catch { return {}; }
}

/** The key of an action. @param {string} letter @returns {string} */
export const remapped = (letter) => chosen()[letter] ?? letter;

/** Gives an action another key; whoever had it gets the one that becomes free. @param {string} letter @param {string} key @returns {string | null} why not */
export function remap(letter, key) {
  if (!/^\p{L}$/u.test(key)) return "A key is one letter.";
  const keys = Object.fromEntries(Object.keys(LETTERS).map((l) => [l, remapped(l)])), before = keys[letter], other = Object.keys(keys).find((l) => keys[l] === key);
  keys[letter] = key;
  if (other && other !== letter) keys[other] = before;
  localStorage.setItem("ocellus-hotkeys", JSON.stringify(keys));
  return null;
}

/** The action's letter of a pressed key, in lower case; empty for none. @param {string} key @returns {string} */
export function letterOf(key) {
  const pressed = key.toLowerCase();
  if (lettersOff() || pressed.length !== 1) return "";
  return Object.keys(LETTERS).find((l) => remapped(l) === pressed) ?? "";
}
