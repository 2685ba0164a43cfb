//! Name resolution that drops addresses a target must not have, so that a name which suddenly
//! points inside (DNS rebinding) is not followed.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::origin::{Network, allowed};

/// The system's resolver behind a filter.
pub(crate) struct Guarded {
    pub(crate) network: Network,
    pub(crate) loopback: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the host has no address that may be called")]
struct NoAddress;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (network, loopback) = (self.network, self.loopback);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fit: Vec<SocketAddr> = found
                .filter(|addr| {
                    if loopback {
                        addr.ip().to_canonical().is_loopback()
                    } else {
                        allowed(addr.ip(), network)
                    }
                })
                .collect();
            if fit.is_empty() {
                return Err(NoAddress.into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolves(name: &str, network: Network, loopback: bool) -> bool {
        let guarded = Guarded { network, loopback };
        guarded.resolve(name.parse().unwrap()).await.is_ok()
    }

    #[tokio::test]
    async fn a_name_does_not_lead_to_this_machine_unless_the_base_url_says_so() {
        assert!(resolves("localhost", Network::PUBLIC, true).await);
        for network in [Network::PUBLIC, Network::PRIVATE] {
            assert!(!resolves("localhost", network, false).await);
        }
    }

    #[tokio::test]
    async fn a_loopback_name_does_not_lead_elsewhere() {
        assert!(!resolves("10.0.0.1", Network::PRIVATE, true).await);
        assert!(resolves("10.0.0.1", Network::PRIVATE, false).await);
        assert!(!resolves("10.0.0.1", Network::PUBLIC, false).await);
    }
}
