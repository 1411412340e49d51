// The picture of a graph. It is for those who see and point; the tables below it have the same for everybody else.
import { h, svg } from "./dom.js";
import { place } from "./layout.js";

const LONGEST = 24; // characters of a name that are drawn
const LABELLED = 80; // pairs of entities up to which relations are written on their lines
const MARGIN = 60;
const SMALLEST = 0.7; // how far a large graph is made smaller before it is scrolled

/** Return a graph as a picture. `choose` listens to clicks on edges, `open` is given the name of an entity. */
export function drawing(found, chosen, { choose, open }) {
  const nodes = found.nodes.map((node) => ({ ...node }));
  const pairs = grouped(found.edges);
  const width = Math.min(1160, document.documentElement.clientWidth - 40);
  place(nodes, pairs, width > 700 ? 2 : 1);
  const box = bounds(nodes);
  const shown = Math.max(width, box.width * SMALLEST);
  const picture = svg(
    "svg",
    {
      viewBox: `${box.x} ${box.y} ${box.width} ${box.height}`,
      width: shown,
      height: Math.min(box.height * Math.min(1, shown / box.width), 1200),
      role: "img",
      "aria-label": `${nodes.length} entities and their relations. The tables below list them.`,
    },
    svg("defs", {}, arrow()),
    pairs.map((pair) => line(pair, pairs.length <= LABELLED, choose)),
    nodes.map((node) => dot(node, node.name === chosen, open)),
  );
  return h(
    "div",
    { class: "card drawing scroll", tabindex: "0", role: "group", "aria-label": "Drawing of the graph" },
    picture,
  );
}

/** Return the edges of each pair of entities as one line; what an entity says about itself is not drawn. */
function grouped(edges) {
  const pairs = new Map();
  edges.forEach((edge, at) => {
    if (edge.source === edge.destination) return;
    const name = JSON.stringify([edge.source, edge.destination].sort());
    const pair = pairs.get(name) ?? { source: edge.source, target: edge.destination, edges: [] };
    pair.edges.push({ ...edge, at });
    pairs.set(name, pair);
  });
  return [...pairs.values()];
}

function bounds(nodes) {
  const [xs, ys] = [nodes.map(({ x }) => x), nodes.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs) - MARGIN, Math.min(...ys) - MARGIN];
  const [width, height] = [Math.max(...xs) + MARGIN - left, Math.max(...ys) + MARGIN - top];
  const least = Math.max(width, 480); // so that two entities are not as large as the window
  return { x: left - (least - width) / 2, y: top, width: least, height };
}

function arrow() {
  const shape = svg("path", { d: "M0 0 8 4 0 8z" });
  return svg(
    "marker",
    {
      id: "arrow",
      viewBox: "0 0 8 8",
      refX: 8,
      refY: 4,
      markerWidth: 7,
      markerHeight: 7,
      orient: "auto-start-reverse",
    },
    shape,
  );
}

const radius = (node) => Math.min(16, 5 + 2 * Math.sqrt(node.memories));

function line({ source, target, edges }, labelled, choose) {
  const length = Math.hypot(target.x - source.x, target.y - source.y) || 1;
  const [dx, dy] = [(target.x - source.x) / length, (target.y - source.y) / length];
  const from = { x: source.x + dx * (radius(source) + 2), y: source.y + dy * (radius(source) + 2) };
  const to = { x: target.x - dx * (radius(target) + 3), y: target.y - dy * (radius(target) + 3) };
  const ends = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
  const both = edges.some((edge) => edge.source !== source.name);
  const label = svg(
    "text",
    { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - 4, class: "relation" },
    short([...new Set(edges.map((edge) => edge.relationship))].join(", ")),
  );
  const title = svg(
    "title",
    {},
    edges.map((edge) => `${edge.source} ${edge.relationship} ${edge.destination}`).join("\n"),
  );
  return svg(
    "g",
    { class: "edge", "data-edge": edges[0].at, onclick: choose },
    title,
    svg("line", { ...ends, class: "grip" }),
    svg("line", { ...ends, "marker-end": "url(#arrow)", "marker-start": both ? "url(#arrow)" : undefined }),
    labelled && label,
  );
}

function dot(node, chosen, open) {
  return svg(
    "g",
    { class: chosen ? "node chosen" : "node", onclick: () => open(node.name) },
    svg("title", {}, `${node.name} (${node.type})`),
    svg("circle", { cx: node.x, cy: node.y, r: radius(node) }),
    svg("text", { x: node.x, y: node.y + radius(node) + 14 }, short(node.name)),
  );
}

const short = (text) => ([...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join("")}…` : text);
