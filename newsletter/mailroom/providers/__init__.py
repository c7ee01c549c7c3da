"""The email providers by name. See protocol.py for what each promises."""
