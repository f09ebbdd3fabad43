"""The project's own small world: seeded text, prompts, demonstrations and scripted labelers, without torch."""
