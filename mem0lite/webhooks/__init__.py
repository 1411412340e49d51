"""Webhooks: telling other programs what changed in a store."""

from .delivery import RETRY_SECONDS, TIMEOUT, abandon, create, delete, deliver, list_, sign, update

__all__ = ["RETRY_SECONDS", "TIMEOUT", "abandon", "create", "delete", "deliver", "list_", "sign", "update"]
