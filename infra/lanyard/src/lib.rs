//! lanyard
