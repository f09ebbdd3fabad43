"""Language models: the only room that knows transformers."""

import os

# Models are local folders; nothing in this program may reach for a hub. Read when transformers is first imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
