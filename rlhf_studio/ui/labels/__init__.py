"""The pages of the Labels tab."""
