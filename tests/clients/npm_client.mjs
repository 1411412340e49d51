// Drive mem0's npm client against a server; print every call's outcome as one JSON document.
//
// Runs in the client's own environment: `node npm_client.mjs PACKAGE URL KEY`. An outcome is {"value": …} or
// {"error": [class names, most derived first], "message": …, "code": …}, and names the method that was called.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, host, key] = process.argv.slice(2);
const { MemoryClient, MemoryError } = createRequire(pathToFileURL(folder + "/package.json"))("mem0ai");

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const outcomes = {};

function classesOf(error) {
  const names = [];
  for (let one = Object.getPrototypeOf(error); one; one = Object.getPrototypeOf(one)) names.push(one.constructor.name);
  return names;
}

async function does(name, client, method, ...given) {
  if (name in outcomes) throw new Error(`${name} is done twice`);
  const outcome = (outcomes[name] = { method });
  try {
    const value = await client[method](...given);
    outcome.value = value === undefined ? null : value;
    return value;
  } catch (error) {
    outcome.error = [error.name, ...classesOf(error)];
    outcome.message = error.message;
    outcome.code = error.errorCode ?? null;
    outcome.typed = error instanceof MemoryError;
    return undefined;
  }
}

const mine = "npm";
const names = { userId: `${mine}-user`, agentId: `${mine}-agent`, appId: `${mine}-app`, runId: `${mine}-run` };
const { userId } = names;
const say = (content) => [{ role: "user", content }];

async function add(client) {
  const added = await does("add", client, "add", say("I drink green tea"), {
    userId,
    metadata: { projectId: "p", snake_key: 1, cups: 2 },
    infer: false,
  });
  const tea = added.results[0].id;
  await does("addText", client, "add", "A bare text", { userId });
  await does("addDated", client, "add", say("Passport ends soon"), { userId, expirationDate: "2999-01-01" });
  await does("addExpired", client, "add", say("Sale ended"), { userId, expirationDate: "2000-01-01" });
  await does("addEveryone", client, "add", say("Everyone said this"), names);
  await does("addByFilters", client, "add", say("I know filters"), { filters: { user_id: userId } });
  await does("addWithoutId", client, "add", say("Whose is this?"));
  await does("addNothing", client, "add", [], { userId });
  return tea;
}

async function read(client, tea) {
  await does("get", client, "get", tea);
  await does("getUnknown", client, "get", UNKNOWN);
  await does("getNotAUuid", client, "get", "nope");
  await does("getAll", client, "getAll", { filters: { user_id: userId } });
  await does("getAllCamel", client, "getAll", { filters: { userId } });
  await does("getAllNested", client, "getAll", { filters: { AND: [{ userId }, { metadata: { cups: 2 } }] } });
  await does("getAllOfApp", client, "getAll", { filters: { appId: names.appId } });
  await does("getAllPage", client, "getAll", { filters: { user_id: userId }, page: 2, pageSize: 2 });
  await does("getAllShowExpired", client, "getAll", { filters: { user_id: userId }, showExpired: true });
  await does("getAllTopLevel", client, "getAll", { userId });
  await does("search", client, "search", "green tea", { filters: { user_id: userId }, topK: 1 });
  await does("searchCamel", client, "search", "green tea", { filters: { OR: [{ userId }, { agentId: "x" }] }, topK: 1 });
  await does("searchThreshold", client, "search", "green tea", { filters: { userId }, threshold: 0.99 });
  await does("searchTopLevel", client, "search", "green tea", { userId });
  await does("searchBlank", client, "search", " ", { filters: { userId } });
}

async function change(client, tea) {
  await does("update", client, "update", tea, { text: "I drink black tea", metadata: { snake_key: 2 } });
  await does("updateDate", client, "update", tea, { expirationDate: "2999-12-31", timestamp: 1700000000 });
  await does("updateDateCleared", client, "update", tea, { expirationDate: null });
  await does("updateNothing", client, "update", tea, {});
  await does("updateUnknown", client, "update", UNKNOWN, { text: "x" });
  await does("feedback", client, "feedback", { memoryId: tea, feedback: "POSITIVE", feedbackReason: "true" });
  await does("feedbackUnknown", client, "feedback", { memoryId: UNKNOWN, feedback: "POSITIVE" });
  await does("history", client, "history", tea);
}

async function inBatches(client) {
  const ids = [];
  for (const number of [1, 2]) {
    ids.push((await client.add(say(`Batch item ${number}`), { userId, infer: false })).results[0].id);
  }
  await does("batchUpdate", client, "batchUpdate", [{ memoryId: ids[0], text: "Changed together" }]);
  await does("batchUpdated", client, "get", ids[0]);
  await does("batchUpdateUnknown", client, "batchUpdate", [{ memoryId: UNKNOWN, text: "x" }]);
  await does("batchDelete", client, "batchDelete", ids);
  await does("batchDeleted", client, "get", ids[1]);
}

async function manage(client) {
  await does("ping", client, "ping");
  await does("getProject", client, "getProject", { fields: ["customInstructions"] });
  const customCategories = [{ my_food: "What is eaten" }];
  await does("updateProject", client, "updateProject", { customInstructions: "Be brief", customCategories });
  await does("getProjectUpdated", client, "getProject", { fields: ["custom_instructions", "custom_categories"] });
  const schema = { type: "object", properties: { memory: { type: "string" }, user_id: { type: "string" } } };
  const made = await does("createMemoryExport", client, "createMemoryExport", { schema, filters: { user_id: userId } });
  await does("getMemoryExport", client, "getMemoryExport", { memoryExportId: made?.id });
  await does("getMemoryExportByFilters", client, "getMemoryExport", { filters: { AND: [{ userId }] } });
  await does("getMemoryExportUnknown", client, "getMemoryExport", { memoryExportId: UNKNOWN });
}

async function webhooks(client) {
  const given = { name: "From npm", url: "https://example.com/hook", eventTypes: ["memory_add", "memory_update"] };
  const webhook = await does("createWebhook", client, "createWebhook", given);
  const webhookId = webhook?.webhookId;
  await does("getWebhooks", client, "getWebhooks");
  await does("updateWebhook", client, "updateWebhook", { webhookId, eventTypes: ["memory_delete"], name: "Renamed" });
  await does("getWebhooksUpdated", client, "getWebhooks", { projectId: client.projectId });
  await does("deleteWebhook", client, "deleteWebhook", { webhookId });
  await does("getWebhooksDeleted", client, "getWebhooks");
  await does("deleteWebhookUnknown", client, "deleteWebhook", { webhookId });
}

async function notServed(client) {
  await does("getProfile", client, "getProfile", { entityId: userId });
  await does("generateProfile", client, "generateProfile", { entityId: userId });
  await does("getProfileSettings", client, "getProfileSettings");
  await does("updateProfileSettings", client, "updateProfileSettings", { enabled: true });
  await does("sampleProfiles", client, "sampleProfiles", { limit: 2 });
  await does("getProfileJob", client, "getProfileJob", UNKNOWN);
}

async function remove(client, tea) {
  await does("deleteAllOfNobodyNamed", client, "deleteAll");
  await does("deleteAllByFilters", client, "deleteAll", { filters: { user_id: userId } });
  await does("kept", client, "get", tea);
  await does("delete", client, "delete", tea);
  await does("deleteAgain", client, "delete", tea);
  await does("getDeleted", client, "get", tea);
  await client.add(say("Of a team"), { userId: "npm/team" });
  await client.add(say("Of another"), { userId: "npm-other" });
  await does("users", client, "users");
  await does("usersPage", client, "users", { page: 1, pageSize: 2 });
  await does("deleteUsers", client, "deleteUsers", { userId: "npm/team" });
  await does("deleteUser", client, "deleteUser", { entity_id: "npm-other" });
  await does("usersLeft", client, "users");
  await does("deleteAll", client, "deleteAll", { agentId: names.agentId });
  await does("getAllLeft", client, "getAll", { filters: { user_id: userId } });
  await does("deleteUsersAll", client, "deleteUsers");
  await does("usersNone", client, "users");
}

async function main() {
  console.error = () => {}; // the client reports a failed ping there
  const client = new MemoryClient({ apiKey: key, host });
  const tea = await add(client);
  await read(client, tea);
  await change(client, tea);
  await inBatches(client);
  await manage(client);
  await webhooks(client);
  await notServed(client);
  const stranger = new MemoryClient({ apiKey: "wrong", host });
  await does("pingWrongKey", stranger, "ping");
  await does("getWrongKey", stranger, "get", tea);
  await remove(client, tea);
  const methods = Object.getOwnPropertyNames(MemoryClient.prototype);
  const publicOnes = methods.filter((name) => name !== "constructor" && !name.startsWith("_"));
  const identity = { organizationId: client.organizationId, projectId: client.projectId };
  process.stdout.write(JSON.stringify({ tea, names, outcomes, identity, public: publicOnes.sort() }));
}

await main();
