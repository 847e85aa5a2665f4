"""Monitoring: a period's customers, and what became of them, against what the model was trained on."""
