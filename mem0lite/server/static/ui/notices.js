// What the visitor changed: each change is said, and stays in sight with the way back until it is dismissed.
import { h } from "./dom.js";

const MOST = 3;

/** Say what was done. `undo` is the way back: a label, and a function that does it. */
export function notice(text, undo) {
  const box = h("div", { class: "notice" }, h("p", {}, text));
  const close = () => box.remove();
  if (undo) {
    const back = async (event) => {
      event.target.disabled = true;
      try {
        await undo.run();
        close();
      } catch (error) {
        failed(error);
        event.target.disabled = false;
      }
    };
    box.append(h("button", { onclick: back }, undo.label));
  }
  box.append(h("button", { class: "plain", "aria-label": `Dismiss: ${text}`, onclick: close }, "×"));
  const shown = document.getElementById("notices");
  shown.append(box);
  while (shown.children.length > MOST) shown.firstElementChild.remove();
}

/** Say that something was not done, and why. */
export function failed(error) {
  if (error.name === "AbortError") return;
  notice(`That did not work. ${error.message}`);
  document.getElementById("notices").lastElementChild.classList.add("problem");
}

/** Return a listener that does something, and says so if it fails. The button waits meanwhile. */
export function doing(action) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    try {
      await action(event);
    } catch (error) {
      failed(error);
    } finally {
      button.disabled = false;
    }
  };
}
