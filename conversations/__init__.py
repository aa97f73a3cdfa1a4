"""Conversations that the server keeps, for users who ask it to."""
