"""The keys of kept conversations are final: these tables will be distributed by conversation."""

import uuid

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation, ConversationUser, File, Membership, Message
from tests.factories import make_user

MODELS = list(apps.get_app_config("conversations").get_models())
KEYS = {
    Conversation: ("id",),
    ConversationUser: ("conversation_id", "user_id"),
    Message: ("conversation_id", "id"),
    File: ("conversation_id", "id"),
    Membership: ("user_id", "conversation_id"),
}


def key_of(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.pk_fields)


def make_message(conversation: Conversation, *, seq: int = 1, id: uuid.UUID | None = None) -> Message:
    return Message.objects.create(conversation=conversation, id=id or uuid.uuid4(), seq=seq, envelope=b"x")


def test_keys_are_the_final_ones() -> None:
    assert {model: key_of(model) for model in MODELS} == KEYS


def test_database_has_the_same_keys(db: None) -> None:
    with connection.cursor() as cursor:
        found = {
            model: tuple(connection.introspection.get_primary_key_columns(cursor, model._meta.db_table) or ())
            for model in MODELS
        }

    assert {model: set(key) for model, key in found.items()} == {model: set(KEYS[model]) for model in MODELS}


def test_nothing_refers_to_a_key_of_two_columns() -> None:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey):
                assert not isinstance(field.remote_field.model._meta.pk, models.CompositePrimaryKey), field


def test_rows_of_a_conversation_refer_to_no_user() -> None:
    for model in (Conversation, ConversationUser, Message, File):
        links = [field for field in model._meta.get_fields() if isinstance(field, models.ForeignKey)]

        assert all(field.remote_field.model is Conversation for field in links)


def test_every_unique_constraint_names_the_conversation() -> None:
    for model in (ConversationUser, Message, File):
        for constraint in model._meta.constraints:
            assert isinstance(constraint, models.UniqueConstraint)
            assert constraint.fields[0] == "conversation"


def test_no_table_with_a_key_of_two_columns_is_in_the_admin() -> None:
    assert not {model for model in admin.site._registry if model in MODELS}


@pytest.mark.db
def test_message_is_unique_within_its_conversation_only(db: None) -> None:
    one, other = Conversation.objects.create(), Conversation.objects.create()
    shared = uuid.uuid4()
    make_message(one, id=shared)
    make_message(other, id=shared)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(one, id=shared, seq=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_message(one, seq=1)


@pytest.mark.db
def test_query_for_a_message_names_its_conversation(db: None) -> None:
    message = make_message(Conversation.objects.create())

    with CaptureQueriesContext(connection) as queries:
        Message.objects.get(pk=message.pk)

    (query,) = queries.captured_queries
    assert '"conversation_id"' in query["sql"].partition("WHERE")[2]


@pytest.mark.db
def test_memberships_of_a_removed_user_go_with_the_user(db: None) -> None:
    ada = make_user("ada")
    Membership.objects.create(user=ada, conversation_id=uuid.uuid4())

    ada.delete()

    assert not Membership.objects.exists()
