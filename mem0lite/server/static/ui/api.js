// The public REST API. Addresses are relative to the page, so that they are right under any prefix.
import { key } from "./key.js";

const base = new URL("./", document.baseURI);

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Send a request and return the decoded answer. Raises ApiError with the server's own words. */
export async function request(method, path, { query = {}, body, signal } = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.append(name, value);
  }
  const headers = {};
  if (key.get()) headers["X-API-Key"] = key.get();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await fetch(url, sent).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, `The server cannot be reached: ${error.message}.`);
  });
  const text = await answer.text();
  if (!answer.ok) throw new ApiError(answer.status, detailOf(text) || `${answer.status} ${answer.statusText}`);
  return answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(text, exact) : text;
}

/** Keep integers that JavaScript's numbers would round as they were written; a reviver. */
function exact(_, value, context) {
  const rounded = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return rounded && context?.source && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

function detailOf(text) {
  try {
    const { detail } = JSON.parse(text);
    if (typeof detail === "string") return detail;
    return detail.map((problem) => `${problem.loc.slice(1).join(".")}: ${problem.msg}`).join(" ");
  } catch {
    return text.slice(0, 500);
  }
}

const one = (id) => `memories/${encodeURIComponent(id)}`;

export const entities = (signal) => request("GET", "entities", { signal });
export const memories = (query, signal) => request("GET", "memories", { query, signal });
export const memory = (id, signal) => request("GET", one(id), { signal });
export const history = (id, signal) => request("GET", `${one(id)}/history`, { signal });
export const add = (body) => request("POST", "memories", { body });
export const update = (id, body) => request("PUT", one(id), { body });
export const remove = (id) => request("DELETE", one(id));
export const removeAll = (scope) => request("DELETE", "memories", { query: scope });
export const erase = (scope) => request("POST", "erase", { body: scope });
export const rate = (id, feedback, reason) =>
  request("POST", "v1/feedback/", { body: { memory_id: id, feedback, feedback_reason: reason || null } });
export const search = (body, signal) => request("POST", "search", { body, signal });
export const context = (body, signal) => request("POST", "context", { body, signal });

export const graph = (query, signal) => request("GET", "graph", { query, signal });
export const settings = (signal) => request("GET", "configure", { signal });
export const configure = (body) => request("POST", "configure", { body });
export const counts = (signal) => request("GET", "v1/stats/", { signal });
export const webhooks = (signal) => request("GET", "api/v1/webhooks/projects/default/", { signal });

/** Return whether the store can be read, in the server's words; it answers 503 if it cannot. */
export const ready = (signal) =>
  request("GET", "health/ready", { signal }).catch((error) => {
    if (error.status !== 503) throw error;
    return { status: error.message };
  });

let known;

/** Return who the visitor is to the server: `user_id` is null unless the key is for one user. */
export function whoami() {
  known ??= request("GET", "v1/ping/").catch((error) => {
    known = undefined;
    throw error;
  });
  return known;
}

/** Forget what was answered to another key. */
export function forget() {
  known = undefined;
}
