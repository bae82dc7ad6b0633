// Mends on the health page: images that are in both sets, and copies.
import { get, note, post, send } from "./api.js";
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

/** Reads the images that nobody has looked at yet: their content is then known. */
async function readAll() {
  const button = one("#read-all");
  button.setAttribute("aria-busy", "true");
  let read = 0, refused = 0;
  for (const set of ["train", "test"]) {
    for (let after = 0, first = true; first || after > 0; first = false) {
      const chunk = await get(`${root}/index?set=${set}&after=${after}`);
      for (let i = 0; i < chunk.ordinals.length; i++) {
        if (chunk.versions[i]) continue;
        await send("GET", `${root}/thumb/256/${set}/${chunk.ordinals[i]}`).then((r) => r.arrayBuffer(), () => { refused++; });
        one("#read").textContent = `${++read} images read${refused ? `, ${refused} cannot be` : ""}`;
      }
      after = chunk.next ?? 0;
    }
  }
  location.reload();
}
document.getElementById("read-all")?.addEventListener("click", () => readAll().catch((failure) => { one("#refused").textContent = failure.message; }));
