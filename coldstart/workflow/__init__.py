"""The steps: each a function of a `Project` and options, called by pages, commands and jobs alike."""
