"""The headless Mesa peer: forwards, sends and receives messages without a browser."""
