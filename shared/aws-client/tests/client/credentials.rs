//! Credentials: asked for when they are needed, replaced before they expire, never printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_client::{Config, Credentials, Service};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::SignedDuration;
use ports::Clock;
use ports::model::ManualClock;

use crate::{LIMITS, Turn, World};

/// Gives credentials for a quarter of an hour, numbered, or none.
#[derive(Clone, Debug)]
struct Provider {
    asked: Arc<AtomicU32>,
    clock: ManualClock,
    broken: bool,
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.broken {
            return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none")));
        }
        let expires = self.clock.now() + SignedDuration::from_mins(15);
        let id = format!("AKID{number}");
        let token = Some(format!("the token {number}"));
        let credentials = Credentials::new(id, "the secret", token, Some(expires.into()), "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

fn world(broken: bool) -> (World, Arc<AtomicU32>) {
    let start = World::new([Turn::ok()]).clock.now();
    let clock = ManualClock::new(start);
    let asked = Arc::new(AtomicU32::new(0));
    let provider = Provider {
        asked: Arc::clone(&asked),
        clock: clock.clone(),
        broken,
    };
    let mut world = World::made(Service::new("sky"), [Turn::ok()], |connection| {
        Config::new("eu-central-1", provider, connection, LIMITS)
    });
    let config = world.client.config().clone().on(Arc::new(clock.clone()));
    world.client = aws_client::Client::new(&config, Service::new("sky"));
    world.clock = clock;
    (world, asked)
}

#[tokio::test]
async fn they_are_kept_until_they_are_about_to_expire() {
    let (world, asked) = world(false);
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody needs them yet");
    let wait = |minutes| {
        let later = world.clock.now() + SignedDuration::from_secs(minutes);
        world.clock.set(later);
    };
    world.ask().await.unwrap();
    wait(13 * 60);
    world.ask().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    wait(60);
    world.ask().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a minute is left");
    let requests = world.requests();
    for (request, number) in requests.iter().zip([0, 0, 1]) {
        let authorization = request.header("authorization").unwrap();
        let credential = format!("Credential=AKID{number}/");
        assert!(authorization.contains(&credential), "{authorization}");
        assert!(authorization.contains("x-amz-security-token"));
        let token = format!("the token {number}");
        assert_eq!(request.header("x-amz-security-token"), Some(&*token));
    }
}

#[tokio::test]
async fn several_who_need_them_ask_once() {
    let (world, asked) = world(false);
    let (one, other) = tokio::join!(world.ask(), world.ask());
    one.unwrap();
    other.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let (world, asked) = world(true);
    let error = world.ask().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "asked again next time");
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn nothing_prints_them() {
    let credentials = Credentials::new("AKID", "the secret", Some("the token".into()), None, "t");
    let world = World::made(Service::s3(), [Turn::error(403, "no")], |connection| {
        Config::new("eu-central-1", credentials, connection, LIMITS)
    });
    let error = world.ask().await.unwrap_err();
    let config = world.client.config();
    let printed = format!("{config:?} {:?} {error:?} {error}", world.client);
    assert!(printed.contains("eu-central-1"));
    for secret in ["the secret", "the token", "AKID"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let longest = Duration::from_mins(1);
    assert!(
        config
            .clone()
            .within(crate::Limits {
                attempt: longest,
                ..LIMITS
            })
            .region()
            == "eu-central-1"
    );
}
