//! Objects: the model and the folder against the suite and against each other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use ports::embedded::FolderObjects;
use ports::model::{ModelObjects, suite};
use ports::objects::{Put, Swap, Tag};
use ports::{Fault, Objects};

use crate::{Folder, block_on};

#[test]
fn the_model_of_the_objects_keeps_the_contract() {
    block_on(suite::objects::all(async || ModelObjects::new()));
}

#[test]
fn objects_in_a_folder_keep_the_contract() {
    let folder = Folder::new();
    let count = std::cell::Cell::new(0);
    block_on(suite::objects::all(async || {
        count.set(count.get() + 1);
        FolderObjects::open(&folder.path(&count.get().to_string())).unwrap()
    }));
}

#[test]
fn objects_in_a_folder_equal_their_model_over_random_operations() {
    let folder = Folder::new();
    for seed in 0..30 {
        let objects = FolderObjects::open(&folder.path(&seed.to_string())).unwrap();
        block_on(suite::objects::sequence(&objects, seed, 40));
    }
}

#[test]
fn what_a_crash_left_unfinished_is_no_object() {
    let folder = Folder::new();
    let root = folder.path("x");
    let objects = FolderObjects::open(&root).unwrap();
    block_on(objects.put("a", Bytes::from("whole"))).unwrap();
    std::fs::write(root.join(".unfinished/1-0"), "ha").unwrap();
    assert_eq!(block_on(objects.list("")).unwrap(), ["a"]);
    let objects = FolderObjects::open(&root).unwrap();
    assert_eq!(
        std::fs::read_dir(root.join(".unfinished")).unwrap().count(),
        0
    );
    assert_eq!(
        block_on(objects.get("a")).unwrap(),
        Some(Bytes::from("whole"))
    );
    assert_eq!(objects.path("a").unwrap(), root.join("a"));
    assert!(objects.path("../a").is_err());
}

#[test]
fn a_folder_that_another_process_joins_keeps_what_is_being_written() {
    let folder = Folder::new();
    let root = folder.path("x");
    FolderObjects::open(&root).unwrap();
    std::fs::write(root.join(".unfinished/1-0"), "half").unwrap();
    let joined = FolderObjects::share(&root).unwrap();
    assert!(root.join(".unfinished/1-0").exists());
    block_on(joined.put("a", Bytes::from("whole"))).unwrap();
    assert_eq!(block_on(joined.list("")).unwrap(), ["a"]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// A swap makes what is not there.
    Makes,
    /// A swap does not look what it writes over.
    Overwrites,
    /// What begins with a discarded key goes as well.
    DiscardsMore,
    /// What is discarded stays, without its body.
    Empties,
}

/// The model, but for a planted fault.
struct Careless {
    objects: ModelObjects,
    fault: Planted,
}

impl Objects for Careless {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        self.objects.put_new(key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.objects.put(key, body).await
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        let there = self.objects.get(key).await?.is_some();
        let careless = match self.fault {
            Planted::Makes => !there,
            Planted::Overwrites => there,
            Planted::DiscardsMore | Planted::Empties => false,
        };
        if !careless {
            return self.objects.swap(key, was, body).await;
        }
        self.objects.put(key, body).await?;
        Ok(Swap::Written)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        self.objects.get(key).await
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        self.objects.get_tagged(key).await
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        self.objects.discard(key).await?;
        match self.fault {
            Planted::Makes | Planted::Overwrites => {}
            Planted::DiscardsMore => {
                for more in self.objects.list(key).await? {
                    self.objects.discard(&more).await?;
                }
            }
            Planted::Empties => self.objects.put(key, Bytes::new()).await?,
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        self.objects.list(prefix).await
    }
}

#[test]
fn the_suite_finds_what_is_planted() {
    use Planted::{DiscardsMore, Empties, Makes, Overwrites};
    for fault in [Makes, Overwrites, DiscardsMore, Empties] {
        let make = async || Careless {
            objects: ModelObjects::new(),
            fault,
        };
        let run = AssertUnwindSafe(|| block_on(suite::objects::all(make)));
        assert!(catch_unwind(run).is_err(), "{fault:?}");
    }
}

#[test]
fn what_is_discarded_is_gone() {
    let folder = Folder::new();
    let on_disk = FolderObjects::open(&folder.path("discarded")).unwrap();
    let in_memory = ModelObjects::new();
    for _ in 0..2 {
        block_on(on_disk.put("a/b", Bytes::from("x"))).unwrap();
        block_on(in_memory.put("a/b", Bytes::from("x"))).unwrap();
        // Twice, because nobody may mind.
        for _ in 0..2 {
            block_on(on_disk.discard("a/b")).unwrap();
            block_on(in_memory.discard("a/b")).unwrap();
        }
        assert_eq!(block_on(on_disk.get("a/b")).unwrap(), None);
        assert_eq!(block_on(in_memory.get("a/b")).unwrap(), None);
    }
    assert!(block_on(on_disk.discard("../a")).is_err());
}
