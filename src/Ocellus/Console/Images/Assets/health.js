// Mends on the health page: images that are in both sets, and copies.
import { note, post } from "./api.js";
import { all, one } from "./dom.js";

const root = `/ui/api/p/${encodeURIComponent(document.getElementById("health")?.dataset.project ?? "")}/images`;

/** @param {string} path @param {object} body @param {HTMLElement} button */
async function mend(path, body, button) {
  button.setAttribute("aria-busy", "true");
  try {
    await post(`${root}/${path}`, body);
    note(`# console only: ${path} of images between the sets, or out of the project`);
    location.reload();
  } catch (failure) {
    button.removeAttribute("aria-busy");
    one("#refused").textContent = failure instanceof Error ? failure.message : String(failure);
  }
}

for (const button of all("[data-move]")) button.addEventListener("click", () => mend("move", { set: "test", to: "train", images: JSON.parse(button.dataset.move ?? "[]") }, button));
for (const button of all("[data-remove]")) button.addEventListener("click", () => mend("remove", { set: button.dataset.set, images: JSON.parse(button.dataset.remove ?? "[]") }, button));
