//! Objects: the model and the folder against the suite and against each other.

use bytes::Bytes;
use ports::Objects;
use ports::embedded::FolderObjects;
use ports::model::{ModelObjects, suite};

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
