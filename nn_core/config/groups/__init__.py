"""The settings by group; the order of declaration is that of the widgets and of the options."""
