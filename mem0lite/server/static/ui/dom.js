// Elements. Texts become text nodes, never markup.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** Return an HTML element with attributes, listeners (`onclick`) and children. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Return an SVG element. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Return a text of unknown direction and length, as a memory or an id is. */
export function said(tag, text, attributes) {
  return h(tag, { dir: "auto", ...attributes }, text);
}

/** Return a field with its label above it. */
export function field(label, input, note) {
  const id = input.id;
  const described = note ? `${id}-note` : undefined;
  if (described) input.setAttribute("aria-describedby", described);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    note && h("small", { id: described }, note),
  );
}

/** Return a choice of one of several; `options` are pairs of value and label. */
export function choice(id, name, options, chosen) {
  const entries = options.map(([value, label]) => h("option", { value, selected: value === (chosen ?? "") }, label));
  return h("select", { id, name }, entries);
}

/** Return a box to tick, with its label behind it. */
export function tick(id, name, label, ticked) {
  return h(
    "label",
    { class: "tick", for: id },
    h("input", { id, name, type: "checkbox", value: "1", checked: ticked }),
    label,
  );
}

/** Return a list of names and values; pairs without a value are left out. */
export function facts(pairs, attributes) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h(
    "dl",
    { class: "facts", ...attributes },
    shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
