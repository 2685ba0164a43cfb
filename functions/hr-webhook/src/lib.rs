//! hr-webhook
