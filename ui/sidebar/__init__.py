"""The sidebar of every page: the transport bar, the status, and a widget for each setting."""
