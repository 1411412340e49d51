// Drive a server of MCP with the official client for Node.js; print what it made of the answers as one JSON document.
//
// Runs in the client's own environment: `node mcp_client.mjs FOLDER http URL KEY` or `… FOLDER stdio PROGRAM ARGUMENT…`.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, transport, ...rest] = process.argv.slice(2);
const load = createRequire(pathToFileURL(folder + "/package.json"));
const { Client } = load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = load("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = load("@modelcontextprotocol/sdk/client/streamableHttp.js");

const USER = "José/1";
const client = new Client({ name: "test", version: "1" });
await client.connect(
  transport === "stdio"
    ? new StdioClientTransport({ command: rest[0], args: rest.slice(1), env: process.env })
    : new StreamableHTTPClientTransport(new URL(rest[0]), {
        requestInit: { headers: { Authorization: `Bearer ${rest[1]}` } },
      }),
);
const call = async (name, given) => {
  const answer = await client.callTool({ name, arguments: given }, undefined, { onprogress: () => {} });
  return answer.isError ? { error: answer.content[0].text } : answer.structuredContent;
};
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const added = await call("add_memory", { text: "I love sushi", user_id: USER, metadata: { a: { b: [1] } } });
const found = await call("search_memories", { query: "sushi", user_id: USER });
const context = await call("get_context", { query: "sushi", user_id: USER });
const listed = await call("get_memories", { user_id: USER, page: 1, page_size: 5 });
const entities = await call("list_entities", {});
const events = await call("list_events", { user_id: USER });
const refused = await call("get_memory", { memory_id: "nothing" });
const uri = (await client.listResources()).resources[0].uri;
const read = JSON.parse((await client.readResource({ uri })).contents[0].text);
const prompt = await client.getPrompt({ name: "recall", arguments: { topic: "sushi", user_id: USER } });
const recalled = prompt.messages[0].content.text;
const deleted = await call("delete_all_memories", { user_id: USER });
await client.close();
console.log(
  JSON.stringify({ tools, added, found, context, listed, entities, events, refused, uri, read, recalled, deleted }),
);
process.exit(0);
