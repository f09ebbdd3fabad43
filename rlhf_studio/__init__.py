"""RLHF Studio: label, train and inspect small language models on one machine."""

__version__ = "0.1.0"
