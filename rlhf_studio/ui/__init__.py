"""The window: the only room that knows Qt. It reads and writes through ``Session`` and never touches a tensor."""
