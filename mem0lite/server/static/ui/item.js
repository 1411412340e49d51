// How one memory looks in a list.
import { memory } from "./api.js";
import { h, said } from "./dom.js";
import { ago, cut, distance, instant, plain } from "./format.js";
import { address } from "./route.js";
import { scopeLinks } from "./scope.js";

const SOON = 86_400_000; // milliseconds: what expires within a day is marked
const LONGEST = 1000; // characters of a text that are shown in a list
const LONGEST_LABEL = 100;
const MOST_SOURCES = 20; // whose texts are shown
const LABELS = ["project_id", "memory_lifespan", "memory_category", "domain_tags"];
export const RATINGS = { POSITIVE: "helpful", NEGATIVE: "not helpful", VERY_NEGATIVE: "harmful" };

/** Return the mark that says when a memory expires, if it does. */
export function expiry(item) {
  if (!item.expires_at) return null;
  const left = new Date(item.expires_at) - Date.now();
  const [kind, words] = left <= 0 ? ["gone", "expired"] : [left < SOON ? "soon" : "", "expires"];
  return h("span", { class: `mark ${kind}`, title: instant(item.expires_at) }, `${words} ${distance(item.expires_at)}`);
}

/** Return the marks of a memory: the labels in its metadata, its key, its rating. */
export function marks(item) {
  const metadata = item.metadata ?? {};
  const labels = LABELS.flatMap((name) => [metadata[name] ?? []].flat().map((value) => label(name, value)));
  return [
    item.superseded_by &&
      h("span", { class: "mark gone", title: item.valid_to && instant(item.valid_to) }, "superseded"),
    expiry(item),
    item.key && h("span", { class: "mark" }, "key ", said("b", item.key)),
    item.feedback &&
      h("span", { class: `mark ${item.feedback === "POSITIVE" ? "good" : "bad"}` }, RATINGS[item.feedback]),
    labels,
  ];
}

/** Return a label in metadata as a link to all that have it; only texts, numbers and booleans can be asked for. */
function label(name, value) {
  const shown = cut(plain(value), LONGEST_LABEL);
  if (typeof value === "object" && !JSON.isRawJSON?.(value))
    return h("span", { class: "tag", title: name, dir: "auto" }, shown);
  return h("a", { class: "tag", href: address("memories", { [name]: asked(value) }), title: name, dir: "auto" }, shown);
}

/** Return a value as the parameter that means it: a text that could mean something else goes in quotes. */
function asked(value) {
  if (typeof value !== "string") return plain(value);
  const plainly = /^[^,"\s](?:[^,"]*[^,"\s])?$/.test(value) && !/^(?:true|false|-?\d.*)$/.test(value);
  return plainly ? value : `"${value.replaceAll('"', '""')}"`;
}

/** Return a memory as an entry of a list; `before` are the values that it superseded. */
export function entry(item, scope = {}, before = []) {
  return h(
    "li",
    { class: "item", "data-id": item.id },
    said("p", h("a", { href: address("memory", {}, item.id) }, cut(item.memory, LONGEST) || "(no text)"), {
      class: "text",
    }),
    h(
      "div",
      { class: "about" },
      ago(item.created_at),
      (item.actor_id || item.role) && h("span", {}, "by ", h("bdi", {}, item.actor_id ?? item.role)),
      scopeLinks(item, scope),
      marks(item),
    ),
    before.length > 0 && folded(before),
    sources(item),
  );
}

function folded(before) {
  return h(
    "details",
    { class: "folded" },
    h("summary", {}, before.length === 1 ? "1 earlier value" : `${before.length} earlier values`),
    h(
      "ol",
      {},
      before.map((old) =>
        h(
          "li",
          {},
          h("a", { href: address("memory", {}, old.id), dir: "auto" }, cut(old.memory, LONGEST)),
          " ",
          h("span", { class: "quiet" }, `${instant(old.valid_from ?? old.created_at)} to ${instant(old.valid_to)}`),
        ),
      ),
    ),
  );
}

/** Return the memories that a fact was drawn from, if it says so. Their texts are asked for when they are unfolded. */
export function sources({ sources: ids }) {
  if (!Array.isArray(ids) || !ids.length) return null;
  const list = h(
    "ol",
    {},
    ids.map((id) => h("li", {}, h("a", { href: address("memory", {}, id), dir: "auto" }, id))),
  );
  const unfold = async () => {
    const found = await Promise.all(ids.slice(0, MOST_SOURCES).map((id) => memory(id).catch(() => null)));
    found.forEach((one, at) => one && list.children[at].firstElementChild.replaceChildren(one.memory));
  };
  const box = h(
    "details",
    { class: "folded" },
    h("summary", {}, ids.length === 1 ? "1 source" : `${ids.length} sources`),
    list,
  );
  box.addEventListener("toggle", unfold, { once: true });
  return box;
}
