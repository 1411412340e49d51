// What GET /metrics says, in the text format of Prometheus: the sum of each metric over its labels.
import { request } from "./api.js";

const LINE = /^(\w+)(?:\{.*\})? (\S+)$/;

/** Return the sums by name. */
export async function metrics(signal) {
  const text = await request("GET", "metrics", { signal });
  const sums = {};
  for (const line of text.split("\n")) {
    const found = LINE.exec(line);
    if (found) sums[found[1]] = (sums[found[1]] ?? 0) + Number(found[2]);
  }
  return sums;
}
