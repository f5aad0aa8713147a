"""The steps: functions of a `Project` and options, called by pages, commands and jobs alike."""
