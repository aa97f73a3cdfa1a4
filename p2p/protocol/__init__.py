"""What server and agent must agree on, pure: no Django, no event loop, no WebRTC, no clock, no randomness."""
