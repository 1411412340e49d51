// The API key: typed by the person, kept in this tab only, and gone with it.
import { h } from "./dom.js";

const NAME = `mem0lite key of ${new URL("./", document.baseURI).pathname}`;

export const key = {
  get: () => sessionStorage.getItem(NAME),
  set: (value) => sessionStorage.setItem(NAME, value),
  forget: () => sessionStorage.removeItem(NAME),
};

/** Return the form that asks for a key; `problem` says why, and `done` is called with a key in place. */
export function keyForm(problem, done) {
  const field = h("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "key-note",
  });
  const refused = h("p", { class: "problem", role: "alert", hidden: !problem }, problem);
  const submit = (event) => {
    event.preventDefault();
    const typed = field.value.trim();
    if (!/^[\x21-\x7e]+$/.test(typed)) {
      refused.textContent = "A key has only printable ASCII characters, and no spaces.";
      refused.hidden = false;
      return;
    }
    key.set(typed);
    done();
  };
  return h(
    "form",
    { class: "card ask-key", onsubmit: submit },
    h("h1", { tabindex: "-1" }, "API key"),
    h(
      "p",
      { class: "quiet", id: "key-note" },
      "This server asks for a key. It stays in this tab and is forgotten with it.",
    ),
    refused,
    h("label", { for: "key" }, "Key"),
    h("div", { class: "row" }, field, h("button", { class: "primary" }, "Open")),
  );
}
