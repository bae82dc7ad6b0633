// Requests to the server: with the session's token, and with errors that say what the server said.

/** A request that the server refused. */
export class Refusal extends Error {
  /** @param {string} type name of the error, such as ResourceInUseException @param {string} message the server's words @param {number} status of HTTP */
  constructor(type, message, status) {
    super(message);
    this.name = "Refusal";
    this.type = type;
    this.status = status;
  }
}

/** The server cannot be reached now; the same request may succeed later. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. It may be restarting.");
    this.name = "Unreachable";
  }
}

/** The session's token, which every request that changes something has. */
export const token = () => /** @type {HTMLMetaElement | null} */ (document.querySelector('meta[name="ocellus-token"]'))?.content ?? "";

/**
 * Sends a request and returns the response, which has a good status.
 * @param {string} method @param {string} path such as /ui/api/call/DescribeProjects @param {object | Blob | ArrayBuffer | string | null} [body] an object is sent as JSON
 * @param {{ signal?: AbortSignal, headers?: Record<string, string>, keepalive?: boolean }} [options]
 * @returns {Promise<Response>}
 * @throws {Refusal} the server said no @throws {Unreachable} there was no answer
 */
export async function send(method, path, body = null, options = {}) {
  const raw = body === null || typeof body === "string" || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  /** @type {Record<string, string>} */
  const headers = { ...options.headers };
  if (method !== "GET" && method !== "HEAD") headers["X-Ocellus-Token"] = token();
  if (!raw) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, body: /** @type {BodyInit | null} */ (raw ? body : JSON.stringify(body)), signal: options.signal, keepalive: options.keepalive,
      credentials: "same-origin", redirect: "error",
    });
  } catch (failure) {
    if (options.signal?.aborted) throw failure;
    throw new Unreachable();
  }
  if (response.ok) return response;
  throw refusalOf(response.status, await response.text().catch(() => ""));
}

/** What the server said with a bad status. @param {number} status @param {string} text of the answer @returns {Refusal} */
export function refusalOf(status, text) {
  let said = /** @type {{ __type?: string, message?: string, Message?: string }} */ ({});
  try { said = JSON.parse(text) ?? said; } catch { /* not from this server */ }
  if (status === 401) document.dispatchEvent(new CustomEvent("ocellus:signed-out"));
  return new Refusal(said.__type ?? "Failed", said.message ?? said.Message ?? `The server answered with status ${status}.`, status);
}

/** Gets JSON. @param {string} path @param {{ signal?: AbortSignal }} [options] @returns {Promise<any>} */
export const get = async (path, options) => (await send("GET", path, null, options)).json();

/** Posts JSON and returns JSON. @param {string} path @param {object} body @param {{ signal?: AbortSignal, keepalive?: boolean }} [options] @returns {Promise<any>} */
export const post = async (path, body, options) => (await send("POST", path, body, options)).json();

/**
 * Calls an operation of the API, and notes its command line under "Show as CLI".
 * @param {string} operation such as CreateProject @param {object} input its request @returns {Promise<any>} its response
 */
export async function call(operation, input) {
  const response = await send("POST", `/ui/api/call/${operation}`, input);
  const line = response.headers.get("X-Ocellus-Cli");
  note(line === null ? `# ${operation}: too long to show` : decodeURIComponent(line));
  return response.json();
}

const NOTES = "ocellus-cli";
const NOTES_MAX = 100;

/** Notes what was done, for "Show as CLI": a command line, or "# console only: …". @param {string} line */
export function note(line) {
  const lines = [...notes(), line].slice(-NOTES_MAX);
  sessionStorage.setItem(NOTES, JSON.stringify(lines));
  document.dispatchEvent(new CustomEvent("ocellus:noted"));
}

/** What was noted in this tab, oldest first. @returns {string[]} */
export const notes = () => JSON.parse(sessionStorage.getItem(NOTES) ?? "[]");
