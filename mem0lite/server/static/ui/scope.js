// Whose memories are meant: the ids of a user, an agent, a run and an app.
import { entities } from "./api.js";
import { field, h, said } from "./dom.js";
import { address } from "./route.js";

export const IDS = ["user_id", "agent_id", "run_id", "app_id"];
const LABELS = { user_id: "User", agent_id: "Agent", run_id: "Run", app_id: "App" };
const MOST = 200; // suggestions per field

/** Return the ids that parameters, or a memory, have. */
export function scopeOf(from) {
  const read = from instanceof URLSearchParams ? (name) => from.get(name) : (name) => from[name];
  return Object.fromEntries(IDS.map((name) => [name, read(name)]).filter(([, value]) => value));
}

/** Return the ids in words, such as "user alice, agent planner". */
export function named(scope) {
  const parts = Object.entries(scope).map(([name, value]) => `${LABELS[name].toLowerCase()} ${value}`);
  return parts.join(", ") || "everybody";
}

/** Return a field for each id. Who is there is suggested when the first of them is entered. */
export function scopeFields(params) {
  const lists = Object.fromEntries(IDS.map((name) => [name, h("datalist", { id: `${name}-list` })]));
  const inputs = IDS.map((name) => {
    const value = params.get(name) ?? "";
    return h("input", {
      id: name,
      name,
      value,
      list: `${name}-list`,
      autocomplete: "off",
      placeholder: "any",
      dir: "auto",
    });
  });
  const group = h(
    "fieldset",
    { class: "fields scope" },
    h("legend", {}, "Whose"),
    inputs.map((input) => [field(LABELS[input.name], input), lists[input.name]]),
  );
  group.addEventListener("focusin", () => suggest(lists), { once: true });
  return group;
}

async function suggest(lists) {
  const there = await entities().catch(() => []);
  for (const name of IDS) {
    const ids = there.filter((one) => `${one.type}_id` === name).slice(0, MOST);
    lists[name].replaceChildren(...ids.map((one) => h("option", { value: one.id })));
  }
}

/** Return a link for each id that a memory has, to the memories that have it too. */
export function scopeLinks(memory, leaveOut = {}) {
  return Object.entries(scopeOf(memory))
    .filter(([name]) => !leaveOut[name])
    .map(([name, value]) =>
      h(
        "a",
        { class: "tag id", href: address("memories", { [name]: value }) },
        `${LABELS[name].toLowerCase()} `,
        said("b", value),
      ),
    );
}
