// Asking a model: drop, paste, camera, or an image of its test. What the model says for any confidence is asked once; the slider only chooses from it.
import { Refusal, get, note, send } from "./api.js";
import { all, el, one, put, say } from "./dom.js";
import { chip, coloursOf, drawBoxes, drawHeat, removeHeat, shot } from "./shots.js";

/** The API takes images of up to 4 MB in a request. */
const BYTES_MAX = 4 * 1024 * 1024, SIDE_MAX = 4096, CAMERA_SIDE = 1024;
const page = one("#try"), { project = "", version = "", arn = "" } = page.dataset;
const root = `/ui/api/p/${encodeURIComponent(project)}/models/${encodeURIComponent(version)}`;
/** @type {string[]} */ const labels = JSON.parse(page.dataset.labels ?? "[]");
/** @type {number[]} */ const thresholds = JSON.parse(page.dataset.thresholds ?? "[]");
const camera = /** @type {HTMLVideoElement} */ (one("#camera"));
const slider = /** @type {HTMLInputElement} */ (one("#confidence"));

/** @typedef {{ Name: string, Confidence: number, Geometry?: { BoundingBox: { Left: number, Top: number, Width: number, Height: number } } }} Said */
/** @type {{ blob: Blob, name: string, said: Said[] } | null} */ let now = null;
/** Percent; null while each label has its own threshold. @type {number | null} */ let least = null;
let colours = labels.map((_, l) => l % 12);
coloursOf(project, labels).then((found) => { colours = found; });
const colourOf = (/** @type {string} */ name) => colours[labels.indexOf(name)] ?? 0;
let heat = false, number = 0, tests = 0;
/** @type {MediaStream | null} */ let stream = null;

/** @param {Blob} blob */
const base64 = async (blob) => {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};

/** @param {ImageBitmap | HTMLVideoElement} source @param {number} width @param {number} height @param {number} side */
async function smaller(source, width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height)), canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/** @param {Blob} blob */
async function fitting(blob) {
  const isKnown = blob.type === "image/jpeg" || blob.type === "image/png";
  if (isKnown && blob.size <= BYTES_MAX) return blob;
  // The browser reads more formats than the API takes; and it turns photographs upright, as the server does.
  const bitmap = await createImageBitmap(blob).catch(() => { throw new Error("The browser cannot read this file as an image."); });
  one("#changed").textContent = isKnown ? "The file has more than 4 MB; the model got a smaller copy." : "The model got a copy as JPEG.";
  return smaller(bitmap, bitmap.width, bitmap.height, SIDE_MAX / 2);
}

/** @param {Blob} blob @returns {Promise<Said[]>} */
async function detect(blob) {
  const response = await send("POST", "/ui/api/call/DetectCustomLabels", { ProjectVersionArn: arn, Image: { Bytes: await base64(blob) }, MinConfidence: 0 });
  return (await response.json()).CustomLabels;
}

/** Asks about an image and shows it. @param {Blob} file @param {string} name */
async function ask(file, name) {
  const mine = ++number;
  page.classList.add("asking");
  for (const id of ["#refused", "#changed", "#added"]) one(id).textContent = "";
  try {
    const blob = await fitting(file), from = performance.now(), said = await detect(blob), time = performance.now() - from;
    if (mine !== number) return;
    note(`aws rekognition detect-custom-labels --project-version-arn ${arn} --image-bytes 'fileb://${name.replaceAll("'", "'\\''")}' --min-confidence 0`);
    now = { blob: file.type === "image/jpeg" || file.type === "image/png" ? file : blob, name, said };
    one("#time").textContent = `${time.toFixed(time < 10 ? 1 : 0)} ms`;
    const address = URL.createObjectURL(blob), frame = shot(address, name);
    const photo = /** @type {HTMLImageElement} */ (frame.querySelector("img"));
    photo.addEventListener("load", () => {
      const aspect = photo.naturalWidth / photo.naturalHeight;
      frame.style.aspectRatio = String(aspect);
      frame.style.width = `min(100%, calc(58vh * ${aspect}))`;
      URL.revokeObjectURL(address);
    });
    put(one("#asked"), frame);
    page.classList.add("answered");
    show();
    const best = said.toSorted((a, b) => b.Confidence - a.Confidence)[0];
    say(best ? `${best.Name}, ${best.Confidence.toFixed(1)} percent` : "Nothing found");
  } catch (failure) {
    if (mine === number) refuse(failure);
  } finally {
    if (mine === number) page.classList.remove("asking");
  }
}

/** @param {unknown} failure */
function refuse(failure) {
  one("#refused").textContent = failure instanceof Error ? failure.message : String(failure);
  if (failure instanceof Refusal && failure.type === "ResourceNotReadyException") stopCamera();
}

/** @param {Said} said */
const counts = (said) => said.Confidence >= (least ?? 100 * (thresholds[labels.indexOf(said.Name)] ?? 0.5));

/** Draws what counts at the chosen confidence. */
function show() {
  one("#confidence-value").textContent = least === null ? "each label’s own" : `${least} %`;
  /** @type {HTMLButtonElement} */ (one("#own")).disabled = least === null;
  if (!now) return;
  const said = now.said.toSorted((a, b) => b.Confidence - a.Confidence), frame = document.querySelector("#asked .shot"), isDetector = said.some((s) => s.Geometry);
  const shown = isDetector ? said.filter(counts) : said.slice(0, 12);
  put(one("#answers"), ...shown.map((s) => el("li", { class: counts(s) ? "" : "below" }, chip(s.Name, colourOf(s.Name)),
    el("meter", { min: 0, max: 100, value: s.Confidence, "aria-label": s.Name }), el("span", { class: "num", text: `${s.Confidence.toFixed(1)} %` }))));
  one("#nothing").hidden = said.some(counts);
  if (frame instanceof HTMLElement) drawBoxes(frame, boxesOf(said));
  one("#heat").hidden = isDetector || page.dataset.kind === "localization";
  showHeat();
}

/** @param {Said[]} said */
const boxesOf = (said) => said.filter((s) => s.Geometry && counts(s)).map((s) => {
  const b = /** @type {NonNullable<Said["Geometry"]>} */ (s.Geometry).BoundingBox;
  return { left: b.Left, top: b.Top, width: b.Width, height: b.Height, kind: "said", colour: colourOf(s.Name) };
});

async function showHeat() {
  const frame = document.querySelector("#asked .shot");
  one("#heat").setAttribute("aria-pressed", String(heat));
  if (!(frame instanceof HTMLElement) || !now) return;
  if (!heat) { removeHeat(frame); return; }
  if (frame.querySelector(".heat")) return;
  try {
    const best = now.said.toSorted((a, b) => b.Confidence - a.Confidence)[0];
    const map = await (await send("POST", `${root}/heat${best ? `?label=${encodeURIComponent(best.Name)}` : ""}`, now.blob)).json();
    if (heat && frame.isConnected) drawHeat(frame, map);
  } catch (failure) {
    refuse(failure);
  }
}

async function openCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (failure) {
    refuse(new Error(`The camera cannot be used: ${/** @type {Error} */ (failure).message}`));
    return;
  }
  camera.srcObject = stream;
  await camera.play();
  page.classList.add("filming");
  watch();
}

/** Asks again and again while the camera is open, one image at a time. */
async function watch() {
  const layer = one("#filmed");
  while (stream) {
    if (!document.hidden && camera.videoWidth > 0) {
      try {
        const blob = await smaller(camera, camera.videoWidth, camera.videoHeight, CAMERA_SIDE), from = performance.now(), said = await detect(blob);
        if (!stream) return;
        now = { blob, name: "camera.jpg", said };
        one("#time").textContent = `${Math.round(performance.now() - from)} ms`;
        layer.style.aspectRatio = `${camera.videoWidth} / ${camera.videoHeight}`;
        drawBoxes(layer, boxesOf(said));
        page.classList.add("answered");
        show();
      } catch (failure) {
        refuse(failure);
        await new Promise((wake) => setTimeout(wake, 1000));
      }
    }
    await new Promise((wake) => requestAnimationFrame(wake));
  }
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  camera.srcObject = null;
  page.classList.remove("filming");
}

async function takePhoto() {
  const blob = await smaller(camera, camera.videoWidth, camera.videoHeight, SIDE_MAX);
  stopCamera();
  await ask(blob, `camera-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.jpg`);
}

async function askTest() {
  if (tests === 0) tests = (await get(`${root}/scores`)).images.length;
  const at = Math.floor(Math.random() * tests), response = await send("GET", `${root}/picture/${at}`);
  await ask(await response.blob(), `test-image-${at + 1}`);
}

async function addToTraining() {
  if (!now) return;
  const button = one("#add"), label = /** @type {HTMLSelectElement | null} */ (document.querySelector("#add-label"))?.value ?? "";
  button.setAttribute("aria-busy", "true");
  try {
    const name = /\.(jpe?g|png)$/i.test(now.name) ? now.name : `${now.name}.${now.blob.type === "image/png" ? "png" : "jpg"}`;
    const query = new URLSearchParams({ set: "train", name, ...(label ? { label } : {}) });
    const answer = await (await send("PUT", `/ui/api/p/${encodeURIComponent(project)}/images/upload?${query}`, now.blob)).json();
    note("# console only: an image added to the training set");
    put(one("#added"), answer.outcome === "added" ? "Added. " : `The ${answer.set === "test" ? "test" : "training"} set has this image already. `,
      el("a", { href: `/ui/p/${encodeURIComponent(project)}/images?name=${encodeURIComponent(answer.image.split("/").at(-1))}`, text: "See it" }));
  } catch (failure) {
    refuse(failure);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** @param {Iterable<File> | null | undefined} files */
function take(files) {
  const file = [...(files ?? [])][0];
  if (file) { stopCamera(); ask(file, file.name || "pasted.png"); }
}

addEventListener("dragover", (e) => { if (e.dataTransfer?.types.includes("Files")) { e.preventDefault(); document.body.classList.add("dropping"); } });
addEventListener("dragleave", (e) => { if (e.relatedTarget === null) document.body.classList.remove("dropping"); });
addEventListener("drop", (e) => { if (!e.dataTransfer?.types.includes("Files")) return; e.preventDefault(); document.body.classList.remove("dropping"); take(e.dataTransfer.files); });
addEventListener("paste", (e) => take(e.clipboardData?.files));
addEventListener("pagehide", stopCamera);
addEventListener("keydown", (e) => { if (e.key.toLowerCase() === "m" && !e.ctrlKey && !e.metaKey && !e.altKey && !(e.target instanceof HTMLInputElement && e.target.type !== "range") && !(e.target instanceof HTMLSelectElement)) { heat = !heat; showHeat(); } });
for (const input of all("input[type=file]")) input.addEventListener("change", () => { take(/** @type {HTMLInputElement} */ (input).files); /** @type {HTMLInputElement} */ (input).value = ""; });
slider.addEventListener("input", () => { least = Number(slider.value); show(); });
one("#own").addEventListener("click", () => { least = null; show(); });
one("#heat").addEventListener("click", () => { heat = !heat; showHeat(); });
one("#add").addEventListener("click", addToTraining);
one("#test-image").addEventListener("click", () => askTest().catch(refuse));
one("#open-camera").addEventListener("click", openCamera);
one("#take").addEventListener("click", takePhoto);
one("#close-camera").addEventListener("click", stopCamera);
// Browsers give the camera to pages that came over https, or from this machine.
if (!navigator.mediaDevices) { /** @type {HTMLButtonElement} */ (one("#open-camera")).disabled = true; one("#camera-hint").hidden = false; }
show();
