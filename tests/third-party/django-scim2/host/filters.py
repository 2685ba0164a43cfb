"""The attributes that clients filter by; django-scim2 leaves the list to its host."""

from django_scim import filters


class UserFilter(filters.UserFilterQuery):
    attr_map = filters.UserFilterQuery.attr_map | {
        ("id", None, None): "scim_id",
        ("externalId", None, None): "scim_external_id",
        ("emails", "value", None): "email",
    }


class GroupFilter(filters.GroupFilterQuery):
    attr_map = {
        ("id", None, None): "scim_id",
        ("externalId", None, None): "scim_external_id",
        ("displayName", None, None): "name",
    }
