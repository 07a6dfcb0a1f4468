"""The process beside the web server, in which sweeps are looked at."""
