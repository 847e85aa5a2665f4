"""Who acts, and what each role may do (M5, M22)."""
