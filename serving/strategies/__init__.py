"""What tiers in force bring about: tasks, lists, limits, collection; and rules on new deliveries."""
