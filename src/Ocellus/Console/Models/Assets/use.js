// How a running model is used, every two seconds while someone looks; and the tags that say what it does by itself.
import { call, get } from "./api.js";
import { one } from "./dom.js";
import { refresh } from "./live.js";

const EVERY_MS = 2000;
const { project = "", version = "" } = one("#use").dataset;
const address = `/ui/api/p/${encodeURIComponent(project)}/models/${encodeURIComponent(version)}/usage`;
/** @type {{ requests: number, seconds: number, at: number } | null} */ let before = null;

async function look() {
  if (document.hidden || !document.getElementById("rate")) { before = null; return; }
  try {
    const now = { ...(await get(address)), at: performance.now() };
    const write = (/** @type {string} */ id, /** @type {string} */ text) => { const place = document.getElementById(id); if (place) place.textContent = text; };
    const answered = before ? now.requests - before.requests : 0;
    // A model that was started again counts from nothing.
    if (before && answered >= 0) {
      write("rate", ((answered * 1000) / (now.at - before.at)).toFixed(1));
      write("latency", answered > 0 ? `${(((now.seconds - before.seconds) / answered) * 1000).toFixed(1)} ms` : "–");
    }
    write("units", String(now.units));
    write("inside", `${now.inFlight}, ${now.waiting} of them waiting`);
    write("total", `${now.requests.toLocaleString("en")} ${now.requests === 1 ? "request" : "requests"}${now.requests > 0 ? `, ${((now.seconds / now.requests) * 1000).toFixed(1)} ms on average` : ""}`);
    write("memory", `${Math.round(now.memoryBytes / 1048576)} MiB`);
    write("usage-note", "");
    before = now;
  } catch (failure) {
    before = null;
    const place = document.getElementById("usage-note");
    if (place) place.textContent = /** @type {Error} */ (failure).message;
  }
}

async function watch() {
  for (;;) {
    await look();
    await new Promise((wake) => setTimeout(wake, EVERY_MS));
  }
}

document.addEventListener("change", async (event) => {
  const field = event.target;
  if (!(field instanceof HTMLSelectElement) || !field.dataset.tag) return;
  const arn = one("#use").dataset.arn;
  one("#tag-refused").textContent = "";
  try {
    if (field.value === "") await call("UntagResource", { ResourceArn: arn, TagKeys: [field.dataset.tag] });
    else await call("TagResource", { ResourceArn: arn, Tags: { [field.dataset.tag]: field.value } });
    await refresh();
  } catch (failure) {
    one("#tag-refused").textContent = /** @type {Error} */ (failure).message;
  }
});
watch();
