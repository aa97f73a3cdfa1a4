"""Views of accounts: parse, call, reply. Spec: docs/spec/rest.md, section "Accounts"."""
