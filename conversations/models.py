"""Conversations that the server keeps: their tables, with their final keys.

Every key begins with the conversation, so that the tables can be distributed by it: a conversation's rows are
on one shard, every query names its conversation, and no row moves to another. Nothing may refer to a table
with a key of two columns; users live elsewhere, so a member is named by id.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models


class Conversation(models.Model):
    """A kept conversation: the number of its key epoch, and of its last change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    epoch = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return "a conversation"


class ConversationUser(models.Model):
    """A member, seen from the conversation."""

    pk = models.CompositePrimaryKey("conversation_id", "user_id")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="members")
    user_id = models.UUIDField()

    def __str__(self) -> str:
        return "a member"


class Message(models.Model):
    """A message as ciphertext. `seq` counts within the conversation, `revision` the message's versions."""

    pk = models.CompositePrimaryKey("conversation_id", "id")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    id = models.UUIDField(editable=False)
    seq = models.PositiveBigIntegerField()
    revision = models.PositiveIntegerField(default=0)
    envelope = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq_unique"),
        ]

    def __str__(self) -> str:
        return "a message"


class File(models.Model):
    """A file as ciphertext; its key is in a message."""

    pk = models.CompositePrimaryKey("conversation_id", "id")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="files")
    id = models.UUIDField(editable=False)
    size_bytes = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return "a file"


class Membership(models.Model):
    """A member, seen from the user. This table stays with the users, and lists a user's conversations."""

    pk = models.CompositePrimaryKey("user_id", "conversation_id")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    conversation_id = models.UUIDField()

    def __str__(self) -> str:
        return "a membership"
