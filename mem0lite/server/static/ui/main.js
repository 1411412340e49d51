// The frame: which view is shown, the links to the others, and the key.
import { forget, whoami } from "./api.js";
import { h, said } from "./dom.js";
import { key, keyForm } from "./key.js";
import { address, current } from "./route.js";
import { scopeOf } from "./scope.js";

const VIEWS = { who: "Who", memories: "Memories", search: "Search", graph: "Graph", health: "Health" };
const OTHERS = new Set(["memory"]);
const main = document.getElementById("main");
let running = new AbortController();
let shown = null;

async function render() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const route = current();
  if (!(route.view in VIEWS) && !OTHERS.has(route.view)) route.view = "who";
  links(route);
  main.setAttribute("aria-busy", "true");
  try {
    const view = await import(`./${route.view}.js`);
    const content = await view.show({ ...route, signal, again: render });
    if (!signal.aborted) put(content, route.view);
  } catch (error) {
    if (signal.aborted) return;
    put([error.status === 401 ? asked(error) : broken(error)], error.status === 401 ? "key" : route.view);
  } finally {
    if (!signal.aborted) {
      main.removeAttribute("aria-busy");
      main.dataset.shown = location.hash;
    }
  }
  session();
}

/** Show a view. Within the same view the focus stays where it was; another one begins at its heading. */
function put(content, view) {
  const focused = document.activeElement?.id;
  const before = shown;
  main.replaceChildren(...content);
  shown = view;
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent ?? "Memories"} – mem0lite`;
  if (view === "key") document.getElementById("key").focus();
  else if (before === view && focused && main.querySelector(`#${CSS.escape(focused)}`))
    document.getElementById(focused).focus();
  else if (before !== null) {
    heading?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function links({ view, params }) {
  const scope = scopeOf(params);
  const entries = Object.entries(VIEWS).map(([name, label]) => {
    const chosen = name === view || (name === "memories" && view === "memory");
    return h(
      "a",
      { href: address(name, name === "who" ? {} : scope), "aria-current": chosen ? "page" : undefined },
      label,
    );
  });
  document.getElementById("views").replaceChildren(...entries);
}

function asked(error) {
  const problem = key.get() ? error.message : "";
  key.forget();
  return keyForm(problem, () => {
    forget();
    render();
  });
}

function broken(error) {
  console.debug(error);
  return h(
    "div",
    { class: "card", role: "alert" },
    h("h1", { tabindex: "-1" }, error.status === 403 ? "Not for this key" : "That did not work"),
    h("p", {}, error.message),
    h("button", { onclick: render }, "Try again"),
  );
}

/** Show with which key the visitor is here, if any. */
async function session() {
  const box = document.getElementById("session");
  const { user_id: user } = key.get() ? await whoami().catch(() => ({})) : {};
  if (!key.get()) {
    box.replaceChildren();
    return;
  }
  const leave = () => {
    key.forget();
    forget();
    render();
  };
  const reach = user ? h("span", { class: "quiet" }, "Key of ", said("b", user)) : null;
  box.replaceChildren(...[reach, h("button", { class: "plain", onclick: leave }, "Forget key")].filter(Boolean));
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after the # is the view's
  main.focus();
});
window.addEventListener("hashchange", render);
render();
