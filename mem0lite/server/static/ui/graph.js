// The graph of a scope: entities, what memories say about them, and those memories. The table has all that is drawn.
import { graph, memories, settings, whoami } from "./api.js";
import { drawing } from "./drawing.js";
import { choice, field, h, said } from "./dom.js";
import { count, number } from "./format.js";
import { entry } from "./item.js";
import { doing } from "./notices.js";
import { address, submitting } from "./route.js";
import { named, scopeFields, scopeOf } from "./scope.js";

const MOST = 60; // entities, unless more are asked for
const SIZES = ["20", "60", "150", "400"];

export async function show({ params, signal }) {
  const scope = scopeOf(params);
  const query = {
    ...scope,
    entity: params.get("entity"),
    depth: params.get("depth"),
    limit: params.get("limit") || MOST,
  };
  const [found, { user_id: pinned }] = await Promise.all([graph(query, signal), whoami()]);
  const whose = Object.keys(scope).length ? named(scope) : pinned ? `user ${pinned}` : "everybody";
  const parts = [h("h1", { tabindex: "-1" }, "Graph of ", h("bdi", {}, whose)), form(params)];
  if (!found.nodes.length) return [...parts, await nothing(params, pinned)];
  const behind = h("section", { id: "behind", "aria-live": "polite" });
  const choose = doing((event) =>
    unfold(behind, found.edges[event.currentTarget.dataset.edge], pinned ? { user_id: pinned, ...scope } : scope),
  );
  const open = (name) => {
    location.hash = address("graph", { ...scope, entity: name, limit: params.get("limit") });
  };
  const words = `${count(found.nodes.length, "entity", "entities")}, ${count(found.edges.length, "relation")}`;
  return [
    ...parts,
    h(
      "p",
      { class: "quiet count", role: "status" },
      words,
      found.truncated ? ". There are more: ask for more, or for one entity." : "",
    ),
    drawing(found, params.get("entity"), { choose, open }),
    behind,
    ...tables(found, scope, choose),
  ];
}

function form(params) {
  const entity = h("input", {
    id: "entity",
    name: "entity",
    value: params.get("entity") ?? "",
    placeholder: "all",
    dir: "auto",
    autocomplete: "off",
  });
  const depths = ["1", "2", "3"].map((depth) => [depth, depth]);
  return h(
    "form",
    { class: "card filters", onsubmit: submitting("graph") },
    scopeFields(params),
    h(
      "div",
      { class: "apply" },
      h(
        "div",
        { class: "fields" },
        field("Near the entity", entity),
        field("Relations away", choice("depth", "depth", depths, params.get("depth") ?? "1")),
        field(
          "Entities, at most",
          choice(
            "limit",
            "limit",
            SIZES.map((size) => [size, size]),
            params.get("limit") ?? String(MOST),
          ),
        ),
      ),
      h("button", { class: "primary", id: "apply" }, "Show"),
    ),
  );
}

async function nothing(params, pinned) {
  if (params.get("entity")) return h("p", { class: "card empty" }, "No memory here names this entity.");
  const { graph_categories: categories } = pinned ? {} : await settings();
  const which = categories?.length
    ? [
        "Memories enter the graph when their ",
        h("code", {}, "memory_category"),
        " is one of: ",
        said("b", categories.join(", ")),
        ".",
      ]
    : ["Memories enter the graph by their ", h("code", {}, "memory_category"), "."];
  return h(
    "div",
    { class: "card empty" },
    h("p", {}, "No memory here is in the graph."),
    h("p", {}, which, " ", h("a", { href: "guide/graph" }, "How the graph works")),
  );
}

/** Show the memories that say what an edge says. */
async function unfold(box, edge, scope) {
  const filters = JSON.stringify({ id: { in: edge.memory_ids } });
  const { results } = await memories({
    filters,
    latest_only: "false",
    show_expired: "true",
    top_k: edge.memory_ids.length,
  });
  const heading = h(
    "h2",
    { tabindex: "-1" },
    h("bdi", {}, edge.source),
    " ",
    h("em", {}, edge.relationship),
    " ",
    h("bdi", {}, edge.destination),
  );
  box.replaceChildren(
    heading,
    h(
      "ol",
      { class: "items" },
      results.map((item) => entry(item, scope)),
    ),
  );
  heading.focus({ preventScroll: true });
  box.scrollIntoView({ block: "nearest" });
}

function tables(found, scope, choose) {
  const near = (name) => h("a", { href: address("graph", { ...scope, entity: name }), dir: "auto" }, name);
  const rows = found.edges.map((edge, at) =>
    h(
      "tr",
      {},
      h("td", {}, near(edge.source)),
      said("td", edge.relationship),
      h("td", {}, near(edge.destination)),
      h(
        "td",
        { class: "figure" },
        h(
          "button",
          { class: "plain", "data-edge": at, onclick: choose },
          number(edge.memory_ids.length),
          h("span", { class: "hidden" }, edge.memory_ids.length === 1 ? " memory" : " memories"),
        ),
      ),
    ),
  );
  const heads = ["Entity", "Relation", "Entity"].map((name) => h("th", { scope: "col" }, name));
  const names = [...found.nodes].sort((one, other) => other.memories - one.memories);
  return [
    rows.length > 0 &&
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Relations"),
        h(
          "div",
          { class: "scroll", tabindex: "0", role: "group", "aria-label": "Relations" },
          h(
            "table",
            { class: "lined" },
            h("thead", {}, h("tr", {}, heads, h("th", { scope: "col", class: "figure" }, "Memories"))),
            h("tbody", {}, rows),
          ),
        ),
      ),
    h(
      "section",
      { class: "card" },
      h("h2", {}, "Entities"),
      h(
        "ul",
        { class: "tags" },
        names.map((node) =>
          h(
            "li",
            {},
            near(node.name),
            " ",
            h("small", {}, `${node.type}, ${count(node.memories, "memory", "memories")}`),
          ),
        ),
      ),
    ),
  ].filter(Boolean);
}
