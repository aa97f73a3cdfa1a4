"""Presence, paths and transactions between peers. Importable without Django, for `p2p.protocol`'s sake."""
