"""The parts of the Train tab."""
