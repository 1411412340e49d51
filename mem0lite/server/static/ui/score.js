// How a score came about, as a bar of its parts and as a table.
import { h, svg } from "./dom.js";

const NAMES = { semantic: "meaning", bm25: "words" };
const nameOf = (part) => NAMES[part] ?? part.replaceAll("_", " ");

/** Return the parts of a score, those that add something, as name, strength and weight. */
function parts({ score_details: details }) {
  if (!details) return [];
  const own = [
    ["semantic", details.semantic_score, details.semantic_weight],
    ["bm25", details.bm25_score, details.bm25_weight],
  ];
  const others = Object.entries(details.signals ?? {}).map(([name, one]) => [name, one.score, one.weight]);
  return [...own, ...others].filter(([, score, weight]) => score * weight > 0);
}

/** Return the color of a part: one of the classes part-0 to part-5. Meaning and words always have the first two. */
const colors = new Map([
  ["semantic", 0],
  ["bm25", 1],
]);
function colorOf(name) {
  if (!colors.has(name)) colors.set(name, 2 + ((colors.size - 2) % 4));
  return `part-${colors.get(name)}`;
}

/** Return what the colors of the bars mean. */
export function legend(hits) {
  const names = [...new Set(hits.flatMap((hit) => parts(hit).map(([name]) => name)))];
  return h(
    "ul",
    { class: "legend", "aria-label": "Parts of a score" },
    names.map((name) => h("li", {}, h("i", { class: colorOf(name) }), nameOf(name))),
  );
}

/** Return a hit's score as a bar, which is full at 1, and below it all numbers. */
export function bar(hit) {
  const found = parts(hit);
  const sum = found.reduce((total, [, score, weight]) => total + score * weight, 0);
  let from = 0;
  const pieces = found.map(([name, score, weight]) => {
    const width = ((score * weight) / sum) * hit.score * 100;
    const piece = svg("rect", { x: from, y: 0, width: Math.max(0, width - 0.4), height: 6, class: colorOf(name) });
    from += width;
    return piece;
  });
  const drawn = svg(
    "svg",
    { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "ground", width: 100, height: 6 }),
    pieces,
  );
  const shown = [h("b", {}, hit.score.toFixed(2)), drawn];
  if (hit.rerank_score !== undefined)
    shown.push(h("span", { class: "quiet" }, `reranker ${hit.rerank_score.toFixed(2)}`));
  return h(
    "details",
    { class: "score" },
    h("summary", {}, h("span", { class: "hidden" }, "Score "), shown),
    hit.score_details && table(hit.score_details, found),
  );
}

function table(details, found) {
  const row = (name, ...cells) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      cells.map((cell) => h("td", { class: "figure" }, cell)),
    );
  const three = (value) => value.toFixed(3);
  const rules = (details.adjustments ?? []).map((one) =>
    row(one.rule.replaceAll("_", " "), "", "", `${three(one.before)} → ${three(one.after)}`),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": "Parts of the score" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "part"),
          ["strength", "weight", "adds"].map((name) => h("th", { scope: "col", class: "figure" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        found.map(([name, score, weight]) => row(nameOf(name), three(score), three(weight), three(score * weight))),
        row("sum", "", "", three(details.raw_score)),
        rules,
        row("score", "", "", three(details.final_score)),
      ),
    ),
    details.matched_terms.length > 0 &&
      h("p", { class: "quiet" }, `Words in common: ${details.matched_terms.join(", ")}`),
  );
}
