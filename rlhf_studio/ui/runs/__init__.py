"""The parts of the Runs tab."""
