"""Run in an environment with mem0ai: adds with mem0's client to a server that has a language model."""

import json
import sys

from mem0 import MemoryClient

url, key = sys.argv[1:]
client = MemoryClient(api_key=key, host=url)
options = {"custom_categories": [{"drinks": "What one drinks"}], "includes": "drinks"}
added = client.add([{"role": "user", "content": "I like tea"}], user_id="alice", version="v2", **options)
first = added[0] if isinstance(added, list) else added
event_id = first.get("event_id") or client.client.get("/v1/events/").json()["results"][0]["id"]
statuses = []
for _ in range(3_000):
    event = client.client.get(f"/v1/event/{event_id}/").json()
    if event["status"] not in statuses:
        statuses.append(event["status"])
    if event["status"] != "PENDING":
        break
try:
    found = client.search("tea", filters={"user_id": "alice"})
except Exception:  # before 2.0, ids are beside the filters
    found = client.search("tea", user_id="alice")
found = found if isinstance(found, list) else found["results"]
profiles = None
if hasattr(client, "generate_profile"):
    made = client.generate_profile("alice")
    profiles = {
        "made": made,
        "job": client.get_profile_job(made["status_url"]),
        "profile": client.get_profile("alice"),
        "sampled": client.sample_profiles(2),
        "settings": client.get_profile_settings(),
        "updated": client.update_profile_settings(enabled=True, custom_instructions=None),
    }
json.dump({"profiles": profiles, "added": added, "statuses": statuses, "event": event, "found": found}, sys.stdout)
