use proptest::prelude::*;

use super::*;

fn stated() -> impl Strategy<Value = Attrs> {
    let one = (0..Attr::ALL.len(), proptest::option::of("[ab]?"));
    proptest::collection::vec(one, 0..30).prop_map(|list| {
        let slot = |text: Option<String>| text.map_or(Slot::Null, |text| Slot::from(&*text));
        let slots = list
            .into_iter()
            .map(|(at, text)| (Attr::ALL[at], slot(text)));
        slots.collect()
    })
}

proptest! {
    #[test]
    fn laying_over_is_stating_one_after_the_other(earlier in stated(), later in stated()) {
        let mut laid = earlier.clone();
        laid.overlay(&later);
        let mut said = earlier;
        for (attr, slot) in later.iter() {
            said.set(attr, slot.clone());
        }
        prop_assert_eq!(laid, said);
    }
}
