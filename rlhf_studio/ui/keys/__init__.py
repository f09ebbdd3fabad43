"""Which key does what: every act with a key, what a person made of it, and how that is changed."""
