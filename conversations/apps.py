"""Conversations kept by the server, as ciphertext."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Holds members, messages and files of kept conversations."""

    name = "conversations"
