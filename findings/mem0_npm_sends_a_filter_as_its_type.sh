#!/usr/bin/env bash
# npm's mem0ai 2.4.6: client.getAll({ user_id, filters: { ... } }), on Node.js.
#
# Expected: the conditions go to the server, as search() sends the same options; or an error.
# Seen: the options are written into the query of a GET as they are, where an object is the text "[object Object]".
# Why it matters: "Ann's memories of food" lists all of Ann's, and neither the client nor the server's answer says why.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# Without what it may be used with (peers): the clients of twenty databases and models.
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts --omit=optional --legacy-peer-deps mem0ai@2.4.6
MEM0_TELEMETRY=false node --input-type=module - <<'NODE'
import assert from "node:assert";
import { createServer } from "node:http";
import mem0 from "mem0ai";

const asked = [];
const server = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  if (!request.url.startsWith("/v1/ping")) asked.push({ url: decodeURIComponent(request.url), body });
  response.setHeader("content-type", "application/json");
  response.end(request.url.startsWith("/v1/ping") ? '{"status": "ok", "user_email": "ann@store.example"}' : "[]");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const MemoryClient = mem0.MemoryClient ?? mem0.default ?? mem0;
const client = new MemoryClient({ apiKey: "key", host: `http://127.0.0.1:${server.address().port}` });
const options = { user_id: "ann", filters: { categories: { contains: "food" } } };
await client.search("rice", options);
await client.getAll(options);
for (const { url, body } of asked) console.log(url, body);
assert.deepEqual(JSON.parse(asked[0].body).filters, options.filters);
assert.match(asked[1].url, /filters=\[object(\+| )Object\]/);
assert.equal(asked[1].body, "");
server.close();
server.closeAllConnections();
NODE
