"""How customers spread, and how far one spread lies from another: what battery and monitoring both ask."""
