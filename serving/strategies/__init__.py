"""What a tier in force brings about: tasks, lists, limits, collection, and rules on new deliveries (M15 to M18)."""
