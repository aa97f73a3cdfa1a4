"""`make demo`: a real server, six forwarders, an echo bot, and one real message, drawn as it travels."""
