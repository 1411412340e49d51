"""The hosted API's webhooks: URLs to which changes are sent."""

from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter

from ..routing import DONE, Answer, Answers, Memory, Server, answers, body
from . import responses
from .organization import ProjectPath
from .requests import WebhookCreate
from .requests import WebhookUpdate as WebhookChange

WEBHOOKS = "hosted: webhooks"


WebhookId = Annotated[str, Parameter(description="Id of the webhook.")]
_WEBHOOK = {"url": "https://hooks.example/memory", "name": "Memory logger", "event_types": ["memory_add"]}


@get(
    "/api/v1/webhooks/projects/{project_id:str}",
    tags=[WEBHOOKS],
    summary="List webhooks",
    responses=answers(list[responses.Webhook], "The webhooks"),
)
async def hosted_list_webhooks(memory: Memory, project_id: ProjectPath) -> Answers:
    """List the webhooks."""
    return await memory.get_webhooks()


@post(
    "/api/v1/webhooks/projects/{project_id:str}",
    status_code=200,
    tags=[WEBHOOKS],
    summary="Create a webhook",
    responses=answers(responses.Webhook, "The webhook", 422),
    operation_class=body(_WEBHOOK),
)
async def hosted_create_webhook(
    memory: Memory, server: Server, project_id: ProjectPath, data: JSONBody[WebhookCreate]
) -> Answer:
    """Send events to a URL from now on."""
    return await memory.create_webhook(
        data.url,
        name=data.name,
        event_types=_event_types(data),
        is_active=data.is_active is not False,
        secret=data.secret,
        allow_private=server.settings.webhook_allow_private,
    )


@put(
    "/api/v1/webhooks/{webhook_id:str}",
    tags=[WEBHOOKS],
    summary="Change a webhook",
    responses=answers(responses.Webhook, "The webhook as it is now", 404, 422),
    operation_class=body(_WEBHOOK),
)
async def hosted_update_webhook(
    memory: Memory, server: Server, webhook_id: WebhookId, data: JSONBody[WebhookChange]
) -> Answer:
    """Change which events are sent, or where."""
    changed = await memory.update_webhook(
        webhook_id,
        name=data.name,
        url=data.url,
        event_types=_event_types(data),
        is_active=data.is_active,
        allow_private=server.settings.webhook_allow_private,
    )
    return {**changed, "message": "Webhook updated successfully."}


@delete(
    "/api/v1/webhooks/{webhook_id:str}",
    status_code=200,
    tags=[WEBHOOKS],
    summary="Delete a webhook",
    responses=answers(*DONE, 404),
)
async def hosted_delete_webhook(memory: Memory, webhook_id: WebhookId) -> Answer:
    """Stop sending events to a URL."""
    await memory.delete_webhook(webhook_id)
    return {"message": "Webhook deleted successfully."}


def _event_types(data: WebhookChange) -> list[str] | None:
    return data.event_types if data.event_types is not None else data.eventTypes


_BY_PROJECT, _BY_WEBHOOK = "/api/v1/webhooks/{project_id:str}/webhook", "/api/v1/webhooks/{webhook_id:str}/webhook"
_OTHER_ADDRESSES = (
    get(_BY_PROJECT, include_in_schema=False)(hosted_list_webhooks.fn),
    post(_BY_PROJECT, status_code=200, include_in_schema=False)(hosted_create_webhook.fn),
    put(_BY_WEBHOOK, include_in_schema=False)(hosted_update_webhook.fn),
    delete(_BY_WEBHOOK, status_code=200, include_in_schema=False)(hosted_delete_webhook.fn),
)
"""Addresses of webhooks in mem0's reference; its clients use the ones above."""


HANDLERS = (
    *(hosted_list_webhooks, hosted_create_webhook, hosted_update_webhook, hosted_delete_webhook),
    *_OTHER_ADDRESSES,
)
