// Who is there: users, agents, runs and apps, with counts and last activity.
import { entities } from "./api.js";
import { h, said } from "./dom.js";
import { ago, count, number } from "./format.js";
import { address } from "./route.js";

const TYPES = ["user", "agent", "run", "app"];
const STEP = 200; // rows at a time
const ORDERS = {
  id: (one, other) => one.id.localeCompare(other.id),
  memories: (one, other) => other.total_memories - one.total_memories,
  active: (one, other) => (one.updated_at < other.updated_at ? 1 : -1),
};

export async function show({ params, signal }) {
  const all = await entities(signal);
  const heading = h("h1", { tabindex: "-1" }, "Who is there");
  if (!all.length) return [heading, nobody()];
  const state = {
    q: params.get("q") ?? "",
    type: params.get("type") ?? "",
    order: params.get("order") ?? "active",
    most: STEP,
  };
  const list = h("div", {});
  const status = h("p", { class: "quiet count", role: "status" });
  const draw = () => {
    history.replaceState(
      null,
      "",
      address("who", { q: state.q, type: state.type, order: state.order === "active" ? "" : state.order }),
    );
    const found = selected(all, state);
    status.textContent = `${count(found.length, "entry", "entries")} of ${number(all.length)}`;
    list.replaceChildren(
      ...(found.length ? table(found, state, draw) : [h("p", { class: "empty" }, "Nobody has such a name.")]),
    );
  };
  const find = h("input", {
    id: "find",
    type: "search",
    value: state.q,
    placeholder: "Find a name",
    "aria-label": "Find a name",
  });
  find.addEventListener("input", () => {
    Object.assign(state, { q: find.value, most: STEP });
    draw();
  });
  draw();
  return [heading, h("div", { class: "bar" }, find, kinds(all, state, draw), status), list];
}

function nobody() {
  const line = 'mem0lite add "I am allergic to peanuts" --user alice';
  return h(
    "div",
    { class: "card empty" },
    h("p", {}, "Nobody has memories yet. A user, agent, run or app appears here with the first memory."),
    h("p", { class: "quiet" }, "An agent adds it with ", h("code", {}, "POST /memories"), ", and you with:"),
    h("pre", { tabindex: "0" }, line),
  );
}

function kinds(all, state, draw) {
  const options = [
    ["", "All", all.length],
    ...TYPES.map((type) => [type, `${type}s`, all.filter((one) => one.type === type).length]),
  ];
  const group = h("div", { class: "segments", role: "group", "aria-label": "Kind" });
  const buttons = options
    .filter(([type, , total]) => !type || total)
    .map(([type, label, total]) =>
      h(
        "button",
        { id: `kind-${type || "all"}`, "data-type": type, "aria-pressed": String(state.type === type) },
        label,
        " ",
        h("small", {}, number(total)),
      ),
    );
  group.append(...buttons);
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    Object.assign(state, { type: button.dataset.type, most: STEP });
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    draw();
  });
  return group;
}

function selected(all, { q, type, order }) {
  const wanted = q.trim().toLowerCase();
  const found = all.filter((one) => (!type || one.type === type) && one.id.toLowerCase().includes(wanted));
  return found.sort(ORDERS[order] ?? ORDERS.active);
}

function table(found, state, draw) {
  const head = (order, label, sorted, attributes) => {
    const by = () => {
      state.order = order;
      draw();
      document.getElementById(`by-${order}`).focus();
    };
    const chosen = state.order === order;
    return h(
      "th",
      { scope: "col", "aria-sort": chosen ? sorted : undefined, ...attributes },
      h(
        "button",
        { class: "plain", id: `by-${order}`, onclick: by },
        label,
        h("span", { "aria-hidden": "true" }, chosen ? " ↓" : ""),
      ),
    );
  };
  const rows = found.slice(0, state.most).map(row);
  const more = () => {
    state.most += STEP;
    draw();
  };
  return [
    h(
      "table",
      { class: "who" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head("id", "Name", "ascending"),
          h("th", { scope: "col", class: "kind" }, "Kind"),
          head("memories", "Memories", "descending", { class: "figure" }),
          head("active", "Last activity", "descending"),
          h("th", { scope: "col", class: "links" }, "Open"),
        ),
      ),
      h("tbody", {}, rows),
    ),
    found.length > state.most &&
      h("button", { class: "more", onclick: more }, `Show ${number(Math.min(STEP, found.length - state.most))} more`),
  ].filter(Boolean);
}

function row(one) {
  const scope = { [`${one.type}_id`]: one.id };
  return h(
    "tr",
    {},
    h("td", { class: "name" }, h("a", { href: address("memories", scope), dir: "auto" }, one.id)),
    h("td", { class: "kind" }, h("span", { class: `kind-mark ${one.type}` }, one.type)),
    h("td", { class: "figure" }, number(one.total_memories)),
    h("td", {}, ago(one.updated_at)),
    h(
      "td",
      { class: "links" },
      h("a", { href: address("search", scope), "aria-label": `Search as ${one.type} ${one.id}` }, "Search"),
    ),
  );
}
