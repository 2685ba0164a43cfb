//! target-scim
