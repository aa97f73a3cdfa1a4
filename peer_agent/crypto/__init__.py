"""Cryptography of routed messages: the only package of the agent that may touch cipher primitives."""
