// Drive npm packages that use mem0 against a server; print what they made of its answers as one JSON document.
//
// Runs in the packages' own environment: `node npm_packages.mjs FOLDER URL KEY PACKAGE…`. What a package throws is its
// outcome; where it swallows an error, what it returns is empty, and the error is among those that were printed.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, host, key, ...packages] = process.argv.slice(2);
const load = createRequire(pathToFileURL(folder + "/package.json"));
const ALLERGY = "I am allergic to peanuts";
const BICYCLE = "My bicycle is green";
const QUESTION = "Which food must she avoid?";
const IMAGE = { type: "file", mediaType: "image/png", data: "data:image/png;base64,AAAA" };
const errors = [];
console.error = (...said) => errors.push(said.map(String).join(" "));

// Mastra's integration: a memory of a user, given and asked as text.
async function mastra() {
  const { Mem0Integration } = load("@mastra/mem0");
  const memory = new Mem0Integration({ config: { apiKey: key, userId: "mastra", host } });
  const added = await memory.createMemory(`${ALLERGY}\n${BICYCLE}`);
  const stranger = new Mem0Integration({ config: { apiKey: key, userId: "stranger", host } });
  return { added, found: await memory.searchMemory(QUESTION), ofAnother: await stranger.searchMemory(QUESTION) };
}

// LangChain.js, and Flowise's node, which is this class: a conversation is saved; all of it, or what fits, is loaded.
async function langchain() {
  const { Mem0Memory } = load("@mem0/community/langchain");
  const make = (user, more) =>
    new Mem0Memory({
      apiKey: key,
      sessionId: user,
      mem0Options: { apiKey: key, host },
      memoryOptions: { user_id: user },
      returnMessages: true,
      separateMessages: true,
      ...more,
    });
  const memory = make("langchain");
  await memory.saveContext({ input: ALLERGY }, { output: "I will remember it" });
  await memory.saveContext({ input: BICYCLE }, { output: "A good colour" });
  const texts = async (one, values) => (await one.loadMemoryVariables(values)).history.map((message) => message.content);
  return {
    all: await texts(memory, {}),
    found: await texts(memory, { input: QUESTION }),
    asOneText: (await make("langchain", { returnMessages: false, separateMessages: false }).loadMemoryVariables({}))
      .history,
    ofAnother: await texts(make("stranger"), {}),
  };
}

// The AI SDK's provider: memories of what is said are kept, with parts it has no text of, and come before a model.
async function vercel() {
  const { addMemories, getMemories, retrieveMemories, searchMemories } = load("@mem0/vercel-ai-provider");
  const config = { user_id: "vercel", mem0ApiKey: key, host };
  const said = [
    { role: "user", content: [{ type: "text", text: ALLERGY }, IMAGE] },
    { role: "user", content: [IMAGE] },
    { role: "assistant", content: [] },
    { role: "assistant", content: "" },
    { role: "user", content: [{ type: "text", text: BICYCLE }] },
  ];
  const added = await addMemories(said, config);
  const asked = [{ role: "user", content: [{ type: "text", text: QUESTION }] }];
  return {
    added,
    found: await getMemories(asked, config),
    searched: await searchMemories(QUESTION, config),
    forTheModel: await retrieveMemories(asked, config),
    ofAnother: await getMemories(QUESTION, { ...config, user_id: "stranger" }),
  };
}

// mem0's own client before version 3, which writes empty objects into its addresses as "[object Object]".
async function npm2() {
  const { MemoryClient } = load("mem0ai");
  const client = new MemoryClient({ apiKey: key, host });
  const user_id = "npm2";
  const added = await client.add([{ role: "user", content: ALLERGY }], { user_id, metadata: { source: "npm" } });
  await client.add([{ role: "user", content: BICYCLE }], { user_id, infer: false });
  const all = await client.getAll({ user_id, filters: {}, metadata: {} });
  const page = await client.getAll({ user_id, page: 1, page_size: 1 });
  const v2 = await client.getAll({ filters: { user_id }, api_version: "v2" });
  const found = await client.search(QUESTION, { user_id, filters: {}, metadata: {} });
  const foundV2 = await client.search(QUESTION, { filters: { user_id }, api_version: "v2", limit: 1 });
  await client.deleteAll({ user_id });
  return { added, all, page, v2, found, foundV2, left: await client.getAll({ user_id }) };
}

const plays = { mastra, langchain, vercel, npm2 };
const printed = {};
for (const name of packages) printed[name] = await plays[name]().catch((error) => ({ failed: String(error.stack) }));
process.stdout.write(JSON.stringify({ ...printed, errors }));
