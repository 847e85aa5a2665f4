"""How decisions reach people: the service and batch files."""
