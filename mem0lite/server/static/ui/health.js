// How the store and the server are: what it holds, how large it is, what is removed and sent, and with which model.
import { configure, counts, ready, settings, webhooks, whoami } from "./api.js";
import { facts, field, h, said } from "./dom.js";
import { ago, bytes, count, number } from "./format.js";
import { metrics } from "./metrics.js";
import { doing, notice } from "./notices.js";

const KINDS = {
  total_users: "Users",
  total_agents: "Agents",
  total_runs: "Runs",
  total_apps: "Apps",
  total_add_events: "Calls of add",
};

export async function show({ signal, again }) {
  const heading = h("h1", { tabindex: "-1" }, "Health");
  const [{ user_id: pinned }, held] = await Promise.all([whoami(), counts(signal)]);
  if (pinned)
    return [
      heading,
      h(
        "div",
        { class: "cards" },
        card("What you have", facts([["Memories", number(held.total_memories)], ...kinds(held)])),
      ),
    ];
  const [up, set, hooks, sums] = await Promise.all([
    ready(signal),
    settings(signal),
    webhooks(signal),
    metrics(signal),
  ]);
  return [
    heading,
    h(
      "div",
      { class: "cards" },
      server(up, set, sums),
      store(set, held, sums),
      model(set),
      extraction(sums),
      removal(set, sums, again),
    ),
    sending(hooks),
  ];
}

const card = (title, ...content) => h("section", { class: "card" }, h("h2", {}, title), content);
const kinds = (held) => Object.entries(KINDS).map(([name, label]) => [label, number(held[name])]);

function server(up, set, sums) {
  const state =
    up.status === "ok" ? h("span", { class: "mark good" }, "ready") : h("span", { class: "mark bad" }, up.status);
  const failed = sums.mem0lite_requests_error_total ?? 0;
  return card(
    "Server",
    facts([
      ["State", state],
      ["Version", set.version],
      ["Changes", set.read_only ? "refused: read-only" : "allowed"],
      ["Requests", number(sums.mem0lite_requests_total ?? 0)],
      ["Failed", h("span", { class: failed ? "mark bad" : "" }, number(failed))],
    ]),
  );
}

function store(set, held, sums) {
  return card(
    "Store",
    facts([
      ["File", said("span", set.db)],
      ["Size", sums.mem0lite_store_up ? bytes(sums.mem0lite_store_bytes) : "cannot be read"],
      ["Memories", number(held.total_memories)],
      ...kinds(held),
    ]),
  );
}

function model(set) {
  const { embedder, graph_categories: categories } = set;
  return card(
    "Embedding model",
    facts([
      ["Name", said("span", embedder.name)],
      ["Dimensions", number(embedder.dimensions)],
      ["In the graph", categories.length ? said("span", categories.join(", ")) : "no category"],
    ]),
  );
}

/** Return what the language model did and is still to do, if there is or was one. */
function extraction(sums) {
  if (sums.mem0lite_llm_pending === undefined) return null;
  const of = (name) => sums[`mem0lite_llm_${name}`] ?? 0;
  const bad = (value) => h("span", { class: value ? "mark bad" : "" }, number(value));
  return card(
    "Facts from messages",
    facts([
      ["Calls waiting", number(of("pending"))],
      ["Given up", bad(of("given_up"))],
      ["Facts added", number(of("facts_total"))],
      ["Model calls", number(of("calls_total"))],
      ["Tokens", number(of("prompt_tokens_total") + of("completion_tokens_total"))],
      ["No answer", bad(of("failures_total"))],
    ]),
  );
}

function removal(set, sums, again) {
  const seconds = h("input", {
    id: "interval",
    type: "number",
    min: "0",
    step: "any",
    value: set.vacuum_interval_seconds,
    required: true,
  });
  const change = doing(async () => {
    const before = set.vacuum_interval_seconds;
    await configure({ vacuum_interval_seconds: Number(seconds.value) });
    const run = () => configure({ vacuum_interval_seconds: before }).then(again);
    const words = Number(seconds.value)
      ? `Expired memories are now removed every ${seconds.value} seconds`
      : "Expired memories are no longer removed";
    await again();
    notice(`${words}, until the server stops.`, { label: "Change back", run });
  });
  return card(
    "Expired memories",
    facts([
      ["Waiting", number(sums.mem0lite_expired_memories ?? 0)],
      ["Removed", `${number(sums.mem0lite_vacuumed_memories_total ?? 0)} since the start`],
    ]),
    h(
      "form",
      { class: "row", onsubmit: change },
      field("Every … seconds (0: never)", seconds),
      h("button", { id: "set-interval" }, "Set"),
    ),
  );
}

function sending(hooks) {
  const heads = ["Address", "Events", "Accepted", "Given up", "Last answer"];
  const rows = hooks.map((hook) =>
    h(
      "tr",
      {},
      h(
        "td",
        {},
        hook.name && [said("b", hook.name), h("br")],
        said("span", hook.url),
        !hook.is_active && h("small", {}, " (off)"),
      ),
      said("td", hook.event_types.join(", ")),
      h("td", { class: "figure" }, number(hook.delivered)),
      h("td", { class: "figure" }, hook.failed ? h("span", { class: "mark bad" }, number(hook.failed)) : "0"),
      h("td", {}, answered(hook)),
    ),
  );
  const head = heads.map((name, at) =>
    h("th", { scope: "col", class: at === 2 || at === 3 ? "figure" : undefined }, name),
  );
  const table = h("table", { class: "lined" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  const none = h("p", { class: "quiet" }, "None: no changes are sent anywhere.");
  return card(
    "Webhooks",
    rows.length ? h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Webhooks" }, table) : none,
  );
}

function answered(hook) {
  const last = hook.last_error ?? (hook.last_status === null ? "none yet" : `HTTP ${hook.last_status}`);
  const words = hook.attempts ? `, ${count(hook.attempts, "attempt")} failed` : "";
  const next = hook.retry_at ? [", again ", ago(hook.retry_at)] : [];
  return h("span", { class: hook.last_error ? "mark bad" : "" }, h("bdi", {}, last), words, next);
}
