// The difference between two texts, by words.
import { h } from "./dom.js";

const MOST = 1500; // words of a text; longer ones are shown whole, because the table grows with their product

/** Return a text's changes as elements: what went is in `del`, what came in `ins`. */
export function difference(before, after) {
  const [old, now] = [before, after].map((text) => (text ?? "").match(/\s*\S+|\s+$/g) ?? []);
  if (old.length > MOST || now.length > MOST)
    return [h("del", { dir: "auto" }, before), " ", h("ins", { dir: "auto" }, after)];
  return joined(steps(old, now)).map(([kind, text]) => (kind === "same" ? text : h(kind, {}, text)));
}

function steps(old, now) {
  const common = lengths(old, now);
  const found = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      found.push(["same", old[i]]);
      i += 1;
      j += 1;
    } else if (j === now.length || (i < old.length && common[i + 1][j] >= common[i][j + 1])) {
      found.push(["del", old[i]]);
      i += 1;
    } else {
      found.push(["ins", now[j]]);
      j += 1;
    }
  }
  return found;
}

/** Return how many words the rests of both texts have in common, from every pair of positions on. */
function lengths(old, now) {
  const table = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      table[i][j] = old[i] === now[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

function joined(parts) {
  const runs = [];
  for (const [kind, text] of parts) {
    if (runs.length && runs.at(-1)[0] === kind) runs.at(-1)[1] += text;
    else runs.push([kind, text]);
  }
  return runs;
}
