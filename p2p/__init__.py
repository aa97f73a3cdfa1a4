"""Presence, paths and transactions between peers. Importable without Django: `p2p.protocol` ships with the agent."""
