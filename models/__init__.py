"""What is made of it: baseline, model, policy, decision and its justification."""
