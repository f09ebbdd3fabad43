"""Parts of the Compare tab: one prompt, several models, side by side."""
