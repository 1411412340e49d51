// The memories of a scope: filtered, paged by cursor, with superseded values below what replaced them.
import { memories, whoami } from "./api.js";
import { choice, field, h, tick } from "./dom.js";
import { count, number } from "./format.js";
import { entry } from "./item.js";
import { doing } from "./notices.js";
import { removal } from "./removal.js";
import { submitting } from "./route.js";
import { named, scopeFields, scopeOf } from "./scope.js";

const PAGE = 50;
const LABELS = { project_id: "Project", memory_category: "Category", domain_tags: "Domain tags" };
const LIFESPANS = [
  ["", "any"],
  ["short_term", "short_term"],
  ["long_term", "long_term"],
];
const SPANS = [
  ["", "any time"],
  ["hour", "an hour"],
  ["day", "a day"],
  ["week", "a week"],
];
const HOURS = { hour: 1, day: 24, week: 168 };

export async function show({ params, signal }) {
  const asked = query(params);
  const [page, { user_id: pinned }] = await Promise.all([memories(asked, signal).catch(refused), whoami()]);
  const scope = scopeOf(params);
  const list = page.results ? new List(asked, page, pinned ? { user_id: pinned, ...scope } : scope) : { box: page };
  const whose = Object.keys(scope).length ? named(scope) : pinned ? `user ${pinned}` : "everybody";
  return [
    h("h1", { tabindex: "-1", class: "titled" }, "Memories of ", h("bdi", {}, whose)),
    filterForm(params),
    list.box,
    Object.keys(scope).length > 0 && removal(scope, !pinned),
  ].filter(Boolean);
}

/** Return what the server says about filters that it cannot read; the form stays, so that they can be corrected. */
function refused(error) {
  if (error.status !== 400 && error.status !== 422) throw error;
  return h("p", { class: "card problem", role: "alert" }, error.message);
}

/** Return what the server is asked for the parameters of the address. */
function query(params) {
  const parts = params.get("filters")?.trim() ? [params.get("filters")] : []; // as written: numbers stay exact
  if (params.get("text")) parts.push(JSON.stringify({ memory: { icontains: params.get("text") } }));
  if (HOURS[params.get("within")]) {
    const until = new Date(Date.now() + HOURS[params.get("within")] * 3_600_000).toISOString();
    parts.push(JSON.stringify({ expires_at: { lte: until } }));
  }
  return {
    ...scopeOf(params),
    ...Object.fromEntries(
      ["project_id", "memory_lifespan", "memory_category", "domain_tags"].map((name) => [name, params.get(name)]),
    ),
    filters: parts.length > 1 ? `{"AND": [${parts.join(",")}]}` : parts[0],
    show_expired: params.get("expired") ? "true" : undefined,
    latest_only: params.get("latest") ? undefined : "false",
    top_k: PAGE,
  };
}

function filterForm(params) {
  const text = (name, attributes) =>
    h("input", { id: name, name, value: params.get(name) ?? "", autocomplete: "off", dir: "auto", ...attributes });
  const more = [
    "project_id",
    "memory_lifespan",
    "memory_category",
    "domain_tags",
    "within",
    "filters",
    "expired",
    "latest",
  ];
  const filters = text("filters", {
    spellcheck: "false",
    class: "code",
    dir: "ltr",
    placeholder: '{"priority": {"gte": 3}}',
  });
  const check = () =>
    filters.setCustomValidity(isObject(filters.value) ? "" : 'Write a JSON object, such as {"priority": {"gte": 3}}.');
  filters.addEventListener("input", check);
  check();
  return h(
    "form",
    { class: "card filters", onsubmit: submitting("memories") },
    h(
      "div",
      { class: "apply" },
      h("div", { class: "with-text" }, field("Text contains", text("text", { type: "search" })), scopeFields(params)),
      h("button", { class: "primary", id: "apply" }, "Show"),
    ),
    h(
      "details",
      { open: more.some((name) => params.get(name)) },
      h("summary", {}, "More filters"),
      h(
        "div",
        { class: "fields" },
        Object.entries(LABELS).map(([name, label]) => field(label, text(name))),
        field("Lifespan", choice("memory_lifespan", "memory_lifespan", LIFESPANS, params.get("memory_lifespan"))),
        field("Expires within", choice("within", "within", SPANS, params.get("within"))),
        field("Other metadata", filters),
      ),
      h(
        "div",
        { class: "ticks" },
        tick("expired", "expired", "Show expired memories", params.get("expired")),
        tick("latest", "latest", "Hide superseded values", params.get("latest")),
      ),
    ),
  );
}

function isObject(text) {
  if (!text.trim()) return true;
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The pages that were loaded so far. A superseded value is folded as soon as what replaced it is in one of them. */
class List {
  constructor(asked, page, scope) {
    this.asked = asked;
    this.scope = scope;
    this.items = [];
    this.rows = h("ol", { class: "items" });
    this.status = h("p", { class: "quiet count", role: "status" });
    this.more = h("button", { class: "more", id: "more", onclick: doing(() => this.next()) }, "Show more");
    this.box = h("section", { "aria-label": "Memories" }, this.status, this.rows, this.more);
    this.take(page);
  }

  async next() {
    const last = this.rows.lastElementChild;
    this.take(await memories({ ...this.asked, after: this.cursor }));
    last?.nextElementSibling?.querySelector("a")?.focus();
  }

  take(page) {
    this.cursor = page.next_cursor;
    this.items.push(...page.results);
    this.draw(page.results);
    this.more.hidden = !this.cursor;
    const shown = this.cursor ? `, the newest ${number(this.items.length)} of them below` : "";
    this.status.textContent = this.items.length ? `${count(page.total, "memory", "memories")}${shown}` : "";
    if (!this.items.length) this.rows.replaceWith(h("p", { class: "card empty" }, "No memory matches."));
  }

  /** Add what is new. Only rows whose folded values changed are made again, so that long lists stay quick. */
  draw(fresh) {
    const there = new Map(this.items.map((item) => [item.id, item]));
    const before = new Map();
    for (const item of this.items) {
      const top = replacing(item, there);
      if (top !== item) before.set(top.id, [...(before.get(top.id) ?? []), item]);
    }
    const grown = new Set(fresh.map((item) => replacing(item, there)).filter((top) => !fresh.includes(top)));
    for (const item of fresh)
      if (replacing(item, there) === item) this.rows.append(entry(item, this.scope, before.get(item.id)));
    for (const row of [...this.rows.children]) {
      const item = there.get(row.dataset.id);
      if (replacing(item, there) !== item) row.remove();
      else if (grown.has(item)) row.replaceWith(entry(item, this.scope, before.get(item.id)));
    }
  }
}

/** Return what a memory is folded under: the last that replaced it and is here, or itself. */
function replacing(item, there) {
  const seen = new Set();
  let top = item;
  while (there.has(top.superseded_by) && !seen.has(top.id)) {
    seen.add(top.id);
    top = there.get(top.superseded_by);
  }
  return top;
}
