"""Hosts django-scim2 with its stock adapters, for the tests."""
