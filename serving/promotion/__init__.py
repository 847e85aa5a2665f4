"""From candidate to challenger to champion, and back: promoted by one and approved by others (M24)."""
