"""How a model comes to be: training, validation, registration."""
