// Removing all memories of a scope. What cannot be undone is asked once, with what it concerns.
import { erase, memories, removeAll } from "./api.js";
import { facts, h } from "./dom.js";
import { count, instant, number } from "./format.js";
import { doing, notice } from "./notices.js";
import { go } from "./route.js";
import { named } from "./scope.js";

/** Return the part of a view that offers to delete or erase a scope. */
export function removal(scope, whole) {
  const name = named(scope);
  const drop = doing(async () => {
    const text =
      `This deletes ${await counted(scope)} of ${name}. ` +
      "Their histories are kept, but the page cannot bring the memories back.";
    if (!(await asked("Delete these memories?", text, "Delete them"))) return;
    await removeAll(scope);
    notice(`All memories of ${name} are deleted. Their histories are kept.`);
    go("#/who");
  });
  const wipe = doing(async () => {
    const text =
      `This removes ${await counted(scope)} of ${name} with their histories from the bytes of the file, including ` +
      "all older copies in it. It cannot be undone, and the file is rewritten, which can take a while.";
    if (!(await asked(`Erase ${name}?`, text, "Erase"))) return;
    await receipt(await erase(scope));
    go("#/who");
  });
  return h(
    "details",
    { class: "removal" },
    h("summary", {}, "Remove everything of ", h("bdi", {}, name)),
    h(
      "div",
      { class: "row" },
      h("button", { id: "delete-all", class: "danger", onclick: drop }, "Delete all memories…"),
      whole && h("button", { id: "erase", class: "danger", onclick: wipe }, "Erase from the file…"),
    ),
    h("p", { class: "quiet" }, "This concerns every memory of this scope, whatever else is filtered or shown."),
  );
}

/** Return how many memories a scope has, expired and superseded ones included. */
async function counted(scope) {
  const { total } = await memories({ ...scope, top_k: 0, latest_only: "false", show_expired: "true" });
  return count(total, "memory", "memories");
}

/** Ask once; resolve to whether the visitor agreed. */
export function asked(title, text, yes) {
  const dialog = h(
    "dialog",
    { "aria-labelledby": "asked-title", "aria-describedby": "asked-text" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "asked-title" }, h("bdi", {}, title)),
      h("p", { id: "asked-text" }, h("bdi", {}, text)),
      h(
        "div",
        { class: "row end" },
        h("button", { value: "no", autofocus: true }, "Keep"),
        h("button", { value: "yes", class: "danger" }, yes),
      ),
    ),
  );
  return opened(dialog).then((answer) => answer === "yes");
}

async function receipt(given) {
  const parts = ["memories", "vectors", "keywords", "history", "events", "exports", "graph"];
  const dialog = h(
    "dialog",
    { "aria-labelledby": "receipt-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "receipt-title" }, "Receipt of the erasure"),
      facts([
        ["Whose", h("bdi", {}, named(given.scope))],
        ["Erased", instant(given.erased_at)],
        ...parts.map((name) => [name, number(given[name])]),
      ]),
      h("details", {}, h("summary", {}, "As JSON"), h("pre", { tabindex: "0" }, JSON.stringify(given, null, 2))),
      h("div", { class: "row end" }, h("button", { autofocus: true }, "Close")),
    ),
  );
  await opened(dialog);
}

function opened(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
