"""What a phone is: its MAC, model, User-Agent and firmware version."""
