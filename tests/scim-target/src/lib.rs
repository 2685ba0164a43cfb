//! scim-target
