"""Alerts on their way to people: topic ``alerts`` → Alertmanager."""
