"""The validation battery: what a reviewer needs to know of a candidate model before signing it."""
