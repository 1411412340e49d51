// Search as an agent would: the ranked answers, how each score came about, and what a prompt would get.
import { context, search, whoami } from "./api.js";
import { field, h, said, tick } from "./dom.js";
import { count, number, withOffset } from "./format.js";
import { entry } from "./item.js";
import { address, submitting } from "./route.js";
import { scopeFields, scopeOf } from "./scope.js";
import { bar, legend } from "./score.js";

const BUDGET = 1000; // tokens, the server's own default
const ANSWERS = 10;

export async function show({ params, signal }) {
  const { user_id: pinned } = await whoami();
  const parts = [h("h1", { tabindex: "-1" }, "Search as an agent would"), form(params)];
  const scope = scopeOf(params);
  if (!params.get("q")?.trim()) return [...parts, hint("Ask something, as an agent would.")];
  if (!pinned && !Object.keys(scope).length)
    return [...parts, hint("Say whose memories to search: a user, an agent, a run or an app.")];
  const results = await Promise.all(asked(params, scope, signal)).catch((error) => {
    if (error.status !== 400 && error.status !== 422) throw error;
    return h("p", { class: "card problem", role: "alert" }, error.message);
  });
  if (!Array.isArray(results)) return [...parts, results];
  const [found, block] = results;
  return [...parts, h("div", { class: "columns even" }, answers(found, scope, pinned), prompt(block, params))];
}

const hint = (text) => h("p", { class: "card empty" }, text);

function asked(params, scope, signal) {
  const common = {
    query: params.get("q"),
    ...scope,
    reference_date: withOffset(params.get("reference_date")),
    as_of: withOffset(params.get("as_of")),
    rerank: Boolean(params.get("rerank")),
    latest_only: !params.get("all"),
  };
  const top = {
    ...common,
    explain: true,
    top_k: Number(params.get("top_k") || ANSWERS),
    relevant_only: Boolean(params.get("relevant")),
  };
  return [search(top, signal), context({ ...common, max_tokens: Number(params.get("tokens") || BUDGET) }, signal)];
}

function form(params) {
  const at = (name) => h("input", { id: name, name, type: "datetime-local", value: params.get(name) ?? "" });
  const whole = (name, usual, least) =>
    h("input", { id: name, name, type: "number", min: least, step: "1", value: params.get(name) ?? usual });
  const question = h("input", {
    id: "q",
    name: "q",
    type: "search",
    value: params.get("q") ?? "",
    dir: "auto",
    placeholder: "What can she not eat?",
    "aria-label": "Question",
  });
  const more = ["reference_date", "as_of", "relevant", "rerank", "all"].some((name) => params.get(name));
  return h(
    "form",
    { class: "card filters", onsubmit: submitting("search") },
    h("div", { class: "row" }, question, h("button", { class: "primary", id: "apply" }, "Search")),
    scopeFields(params),
    h(
      "details",
      { open: more },
      h("summary", {}, "Dates, limits and ranking"),
      h(
        "div",
        { class: "fields" },
        field("Reference date", at("reference_date"), "The “now” of words such as “last week”."),
        field("As it was at", at("as_of"), "Searches what was stored then."),
        field("Answers, at most", whole("top_k", ANSWERS, 1)),
        field("Tokens, at most", whole("tokens", BUDGET, 1), "The length of the text for a prompt."),
      ),
      h(
        "div",
        { class: "ticks" },
        tick("relevant", "relevant", "Only what is relevant", params.get("relevant")),
        tick("rerank", "rerank", "Rerank the best", params.get("rerank")),
        tick("all", "all", "Superseded values, too", params.get("all")),
      ),
    ),
  );
}

function answers(found, scope, pinned) {
  const hits = found.results;
  const whose = pinned ? { user_id: pinned, ...scope } : scope;
  const rows = hits.map((hit) => {
    const row = entry(hit, whose);
    row.querySelector(".text").after(bar(hit));
    return row;
  });
  return h(
    "section",
    { "aria-labelledby": "answers" },
    h(
      "h2",
      { id: "answers" },
      "Answers ",
      h("small", { class: "quiet", role: "status" }, count(hits.length, "memory", "memories")),
    ),
    found.not_reranked && h("p", { class: "quiet" }, found.not_reranked),
    hits.length ? [legend(hits), h("ol", { class: "items ranked" }, rows)] : hint("Nothing matches the question."),
  );
}

function prompt(block, params) {
  const budget = Number(params.get("tokens") || BUDGET);
  const left = block.left_out.length;
  return h(
    "section",
    { "aria-labelledby": "prompt" },
    h("h2", { id: "prompt" }, "What the prompt would get"),
    h(
      "div",
      { class: "card" },
      h(
        "div",
        { class: "row spread" },
        h(
          "span",
          {},
          `${number(block.tokens)} of ${number(budget)} tokens, ${count(block.memories.length, "memory", "memories")}`,
        ),
        h("meter", { min: "0", max: budget, value: block.tokens, "aria-label": "Tokens used" }),
      ),
      block.text
        ? said("pre", block.text, { tabindex: "0", class: "prompt" })
        : h("p", { class: "quiet" }, "Nothing: no memory is relevant enough."),
      left > 0 &&
        h(
          "details",
          { class: "folded" },
          h("summary", {}, `${count(left, "relevant memory", "relevant memories")} did not fit`),
          h("ol", {}, block.left_out.map(outside)),
        ),
    ),
  );
}

const outside = (one) =>
  h("li", {}, h("a", { href: address("memory", {}, one.id) }, one.id), ` with the score ${one.score.toFixed(2)}`);
