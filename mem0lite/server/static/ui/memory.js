// One memory: what it says, what is known about it, what happened to it, and what can be done.
import { add, history, memory, rate, remove, update, whoami } from "./api.js";
import { difference } from "./diff.js";
import { facts, field, h, said } from "./dom.js";
import { ago, distance, instant, moment, plain } from "./format.js";
import { marks, RATINGS, sources } from "./item.js";
import { doing, notice } from "./notices.js";
import { removal } from "./removal.js";
import { address, go } from "./route.js";
import { named, scopeLinks, scopeOf } from "./scope.js";

const EVENTS = { ADD: "Added", UPDATE: "Changed", DELETE: "Deleted", FEEDBACK: "Rated", SUPERSEDE: "Superseded" };

export async function show({ rest, signal, again }) {
  const id = rest[0] ?? "";
  const [item, changes, { user_id: pinned }] = await Promise.all([memory(id, signal), history(id, signal), whoami()]);
  if (!item) return [h("h1", { tabindex: "-1" }, "Memory"), gone(changes), ...timeline(changes, null, again)];
  return [
    h(
      "div",
      { class: "row spread" },
      h("h1", { tabindex: "-1" }, "Memory"),
      h("a", { href: address("memories", scopeOf(item)) }, "All of ", h("bdi", {}, named(scopeOf(item)))),
    ),
    h(
      "div",
      { class: "columns" },
      h("div", {}, content(item, again), ...timeline(changes, item, again), removal(whole(item), !pinned)),
      h("aside", { "aria-label": "About it" }, about(item), metadata(item), lifetime(item, again), rating(item, again)),
    ),
  ];
}

/** Return the scope that can be removed from here: the user's or, of a memory without a user, its own. */
const whole = (item) => (item.user_id ? { user_id: item.user_id } : scopeOf(item));

function gone(changes) {
  if (!changes.length)
    return h(
      "p",
      { class: "card empty" },
      "No memory has this id. It may have expired, or have been removed with its history.",
    );
  const last = changes.at(-1);
  const words = last.is_deleted ? "This memory was deleted. Its history is kept." : "This memory has expired.";
  return h(
    "div",
    { class: "card" },
    h("p", {}, words),
    said("p", last.is_deleted ? last.old_memory : last.new_memory, { class: "text large" }),
  );
}

function content(item, again) {
  const form = editing(item, again);
  form.hidden = true;
  const text = said("p", item.memory, { class: "text large" });
  const edit = h("button", { id: "edit", "aria-expanded": "false" }, "Edit");
  const toggle = (open) => {
    form.hidden = !open;
    text.hidden = open;
    edit.setAttribute("aria-expanded", String(open));
    (open ? form.querySelector("textarea") : edit).focus();
  };
  edit.addEventListener("click", () => toggle(form.hidden));
  form.querySelector("[data-cancel]").addEventListener("click", () => toggle(false));
  const drop = doing(() => deleted(item, again));
  return h(
    "section",
    { class: "card", "aria-label": "Text" },
    text,
    form,
    h("div", { class: "about" }, scopeLinks(item), marks(item)),
    sources(item),
    h("div", { class: "row actions" }, edit, h("button", { id: "delete", class: "danger", onclick: drop }, "Delete")),
  );
}

function editing(item, again) {
  const text = h("textarea", { id: "new-text", rows: "5", dir: "auto" });
  text.value = item.memory;
  const merged = h("textarea", {
    id: "new-metadata",
    rows: "3",
    class: "code",
    spellcheck: "false",
    placeholder: '{"verified": true}',
  });
  const save = doing(async () => {
    const body = {};
    if (text.value !== item.memory) body.text = text.value;
    const given = merged.value.trim() ? parsed(merged.value) : {};
    if (Object.keys(given).length) body.metadata = given;
    if (!Object.keys(body).length) throw new Error("Nothing was changed.");
    await changed(item, body, "The memory is changed.", again);
  });
  return h(
    "form",
    { class: "edit", onsubmit: save },
    field("Text", text),
    field("Metadata to set", merged, "A JSON object. Its keys are set, all others stay as they are."),
    h(
      "div",
      { class: "row" },
      h("button", { class: "primary" }, "Save"),
      h("button", { type: "button", "data-cancel": true }, "Cancel"),
    ),
  );
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw new Error('The metadata must be a JSON object, such as {"verified": true}.');
}

/** Change a memory, say so, and offer to change back what was changed. */
async function changed(item, body, words, again) {
  const back = {};
  if ("text" in body) back.text = item.memory;
  if ("expiration_date" in body) Object.assign(back, lifetimeOf(item));
  if (body.metadata)
    back.metadata = {
      ...Object.fromEntries(Object.keys(body.metadata).map((key) => [key, item.metadata?.[key] ?? null])),
      ...back.metadata,
    };
  const done = await update(item.id, body);
  const expired = done.expired?.length ? " It has expired with that: nobody sees it any more." : "";
  const undo = { label: "Change back", run: () => update(item.id, back).then(again) };
  await again();
  notice(words + expired, expired ? undefined : undo);
}

/** Return what sets the lifetime that a memory has. */
function lifetimeOf(item) {
  if (item.expiration_date) return { expiration_date: item.expiration_date };
  return item.expires_at ? { metadata: { expires_at: item.expires_at } } : { expiration_date: null };
}

async function deleted(item, again) {
  await remove(item.id);
  const run = async () => {
    const made = await add(copy(item));
    if (item.feedback) await rate(made.results[0].id, item.feedback, item.feedback_reason);
    go(address("memory", {}, made.results[0].id));
  };
  await again();
  const holds = item.superseded_by && !item.key ? ", and is no longer superseded" : "";
  notice(`The memory is deleted. Its history is kept. Added again, it gets a new id${holds}.`, {
    label: "Add again",
    run,
  });
}

/** Return what adds the same memory again. */
function copy(item) {
  const body = {
    messages: [{ role: item.role ?? "user", content: item.memory, ...(item.actor_id && { name: item.actor_id }) }],
    ...scopeOf(item),
    metadata: item.metadata,
    timestamp: item.created_at,
    infer: false,
  };
  if (item.key) body.key = item.key;
  if (item.expiration_date) body.expiration_date = item.expiration_date;
  else if (item.expires_at && !item.metadata?.expires_at)
    body.ttl = Math.max(0, (new Date(item.expires_at) - new Date(item.created_at)) / 1000);
  return body;
}

function about(item) {
  const other =
    item.superseded_by && h("a", { href: address("memory", {}, item.superseded_by) }, "the one that holds instead");
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "About it"),
    facts([
      ["Said", moment(item.created_at)],
      ["Changed", item.updated_at === item.created_at ? null : moment(item.updated_at)],
      ["Said by", item.actor_id && said("span", item.actor_id)],
      ["Role", item.role],
      ["Key", item.key && said("span", item.key)],
      ["Holds until", item.valid_to && moment(item.valid_to)],
      ["Superseded by", other],
      ["Id", h("code", {}, item.id)],
    ]),
  );
}

function metadata(item) {
  const entries = Object.entries(item.metadata ?? {});
  return (
    entries.length > 0 &&
    h(
      "section",
      { class: "card" },
      h("h2", {}, "Metadata"),
      facts(entries.map(([name, value]) => [h("bdi", {}, name), said("span", plain(value))])),
    )
  );
}

function lifetime(item, again) {
  const day = h("input", { id: "last-day", type: "date", value: item.expiration_date ?? "", required: true });
  const set = doing(() =>
    changed(item, { expiration_date: day.value }, `The memory now expires at the end of ${day.value} (UTC).`, again),
  );
  const never = doing(() => changed(item, { expiration_date: null }, "The memory no longer expires.", again));
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Lifetime"),
    h(
      "p",
      {},
      item.expires_at ? `Expires ${distance(item.expires_at)}, at ${instant(item.expires_at)}.` : "It does not expire.",
    ),
    h(
      "form",
      { class: "row", onsubmit: set },
      field("Last day (UTC)", day),
      h("button", { id: "set-expiry" }, "Set"),
      item.expires_at && h("button", { type: "button", id: "never", onclick: never }, "Never"),
    ),
  );
}

function rating(item, again) {
  const reason = h("input", { id: "reason", value: item.feedback_reason ?? "", dir: "auto" });
  const give = (value) =>
    doing(async () => {
      await rate(item.id, value, value && reason.value);
      const run = () => rate(item.id, item.feedback ?? null, item.feedback_reason).then(again);
      await again();
      notice(value ? `The memory is rated ${RATINGS[value]}.` : "The rating is removed.", {
        label: "Rate as before",
        run,
      });
    });
  const button = ([value, label]) =>
    h(
      "button",
      {
        id: `rate-${value}`,
        "aria-pressed": String(item.feedback === value),
        onclick: give(item.feedback === value ? null : value),
      },
      label,
    );
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Feedback"),
    field("Reason", reason),
    h("div", { class: "segments", role: "group", "aria-label": "Rating" }, Object.entries(RATINGS).map(button)),
  );
}

function timeline(changes, item, again) {
  if (!changes.length) return [];
  const entries = [...changes].reverse().map((change) => step(change, item, again));
  return [h("section", { class: "card" }, h("h2", {}, "History"), h("ol", { class: "timeline" }, entries))];
}

function step(change, item, again) {
  const restore = doing(() => changed(item, { text: change.old_memory }, "The earlier text is back.", again));
  const other = item && change.event === "UPDATE" && change.old_memory !== null && change.old_memory !== item.memory;
  return h(
    "li",
    {},
    h(
      "div",
      { class: "row" },
      h("b", {}, EVENTS[change.event] ?? change.event),
      h("span", { class: "quiet", title: instant(change.updated_at) }, ago(change.updated_at)),
    ),
    what(change),
    other && h("button", { class: "plain", onclick: restore }, "Bring the earlier text back"),
  );
}

function what(change) {
  if (change.event === "FEEDBACK") {
    const words = change.feedback ? RATINGS[change.feedback] : "rating removed";
    return said("p", [words, change.feedback_reason].filter(Boolean).join(": "), { class: "text" });
  }
  if (change.event === "SUPERSEDE") {
    return h(
      "p",
      {},
      h("a", { href: address("memory", {}, change.superseded_by) }, "Another memory"),
      ` holds since ${instant(change.valid_to)}.`,
    );
  }
  if (change.event === "UPDATE" && change.old_memory === change.new_memory)
    return h("p", { class: "quiet" }, "The text stayed as it was.");
  if (change.event === "ADD") return said("p", change.new_memory, { class: "text" });
  return h(
    "p",
    { class: "text", dir: "auto" },
    difference(change.old_memory, change.event === "DELETE" ? "" : change.new_memory),
  );
}
