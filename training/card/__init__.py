"""The model card: what a registered version is, what it can do and what not, each figure with its source."""
