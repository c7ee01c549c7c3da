"""The summarizers by name. See protocol.py for what each promises."""
