// The page of access keys.
import { note, post, send } from "./api.js";
import { one } from "./dom.js";
import { refresh } from "./live.js";

const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (document.getElementById(id));

/** @param {HTMLFormElement} form @param {() => Promise<void>} act */
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const alert = one("[role=alert]", form);
    alert.textContent = "";
    try {
      await act();
      form.closest("dialog")?.close();
      await refresh();
    } catch (failure) {
      alert.textContent = /** @type {Error} */ (failure).message;
    }
  });
}

const create = /** @type {HTMLFormElement} */ (one("#new-key-form"));
onSubmit(create, async () => {
  const { name, policy } = Object.fromEntries(new FormData(create));
  const made = await post("/ui/api/keys", { name, policy });
  note(`./ocellus keys create --name ${name} --policy ${policy}`);
  one("#made-key-text").textContent = `aws_access_key_id     = ${made.accessKeyId}\naws_secret_access_key = ${made.secretAccessKey}`;
  create.reset();
  dialog("made-key").showModal();
});
// The secret must not stay in the page.
dialog("made-key").addEventListener("close", () => { one("#made-key-text").textContent = ""; });

let key = "";
document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-revoke]");
  if (!(button instanceof HTMLElement)) return;
  key = button.dataset.revoke ?? "";
  const name = /** @type {HTMLInputElement} */ (one("#revoke-name"));
  one("#revoke-key").textContent = key;
  one("#revoke-user").textContent = name.dataset.confirm = button.dataset.user ?? "";
  name.value = "";
  /** @type {HTMLButtonElement} */ (one("#revoke-form .danger")).disabled = true;
  dialog("revoke").showModal();
});
onSubmit(/** @type {HTMLFormElement} */ (one("#revoke-form")), async () => {
  await send("DELETE", `/ui/api/keys/${encodeURIComponent(key)}`);
  note(`./ocellus keys revoke ${key}`);
});
