// Deleting a project deletes its models and datasets first, one operation each: so every one needs its own permission, and "Show as CLI" has them all.
import { call, Refusal } from "./api.js";
import { one } from "./dom.js";

const WAIT_MS = 300;
const form = /** @type {HTMLFormElement} */ (one("#delete-project-form"));
const arns = (/** @type {string | undefined} */ text) => (text ?? "").split(" ").filter((arn) => arn !== "");

/** Deletions of versions and datasets end in the background; the project can go when they have. @param {() => Promise<unknown>} act */
async function whenFree(act) {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (failure) {
      if (!(failure instanceof Refusal) || failure.type !== "ResourceInUseException" || tries > 100) throw failure;
      await new Promise((wake) => setTimeout(wake, WAIT_MS));
    }
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [status, alert, button] = [one("[role=status]", form), one("[role=alert]", form), one(".danger", form)];
  alert.textContent = "";
  button.setAttribute("aria-busy", "true");
  try {
    const versions = arns(form.dataset.versions);
    for (const [i, arn] of versions.entries()) {
      status.textContent = `Deleting model ${i + 1} of ${versions.length} …`;
      await call("DeleteProjectVersion", { ProjectVersionArn: arn });
    }
    status.textContent = "Deleting the labels …";
    for (const arn of arns(form.dataset.datasets)) await call("DeleteDataset", { DatasetArn: arn });
    status.textContent = "Deleting the project …";
    await whenFree(() => call("DeleteProject", { ProjectArn: form.dataset.arn }));
    location.assign("/ui/");
  } catch (failure) {
    status.textContent = "";
    alert.textContent = /** @type {Error} */ (failure).message;
  } finally {
    button.removeAttribute("aria-busy");
  }
});
