//! Names of fictional people in many scripts and shapes: what user names, comparisons and files
//! have to survive.

/// A family of names that go together.
pub(super) struct Names {
    pub(super) given: &'static [&'static str],
    pub(super) family: &'static [&'static str],
}

/// Every family.
pub(super) const NAMES: &[Names] = &[
    Names {
        given: &[
            "Alice",
            "Grace",
            "Oliver",
            "Jean-Luc",
            "D'Arcy",
            "Mary Jane",
            "Tom",
        ],
        family: &[
            "O'Brien",
            "Smith",
            "Taylor-Jones",
            "McDonald",
            "de la Cruz",
            "Null",
            "St. John",
        ],
    },
    Names {
        given: &["Jürgen", "Änne", "Björn", "Käthe", "Götz"],
        family: &["Müller", "Groß", "Schäfer", "von der Weiß", "Öztürk"],
    },
    Names {
        given: &["Łukasz", "Zdeňka", "Čeněk", "Ágnes", "Ștefan"],
        family: &["Wójcik", "Dvořák", "Szűcs", "Țepeș", "Żółć"],
    },
    Names {
        given: &["Søren", "Åse", "Guðrún", "Þór", "Ægir"],
        family: &["Ødegård", "Þórsdóttir", "Bjørnsen", "Åkesson"],
    },
    Names {
        given: &["Nguyễn Thị", "Đức", "Phượng", "Hữu"],
        family: &["Nguyễn", "Trần", "Đặng", "Huỳnh"],
    },
    Names {
        given: &["Анна", "Юрий", "Олексій", "Щука"],
        family: &["Иванова", "Щербаков", "Їжак", "Ёлкин"],
    },
    Names {
        given: &["Γιώργος", "Ελένη", "Χρήστος"],
        family: &["Παπαδόπουλος", "Αγγελίδης"],
    },
    Names {
        given: &["محمد", "فاطمة", "ليلى"],
        family: &["العلي", "حداد", "الخوري"],
    },
    Names {
        given: &["שרה", "יוסף"],
        family: &["כהן", "לוי"],
    },
    Names {
        given: &["小明", "芳", "建国"],
        family: &["王", "李", "欧阳"],
    },
    Names {
        given: &["さくら", "健太", "ユウキ"],
        family: &["佐藤", "鈴木", "髙橋"],
    },
    Names {
        given: &["민준", "서연"],
        family: &["김", "이"],
    },
    Names {
        given: &["आरव", "प्रिया"],
        family: &["शर्मा", "सिंह"],
    },
    Names {
        given: &["สมชาย", "มาลี"],
        family: &["ใจดี", "สุขสวัสดิ์"],
    },
    Names {
        given: &["Ọlá", "Ngũgĩ", "Zoë", "José", "François", "Iñaki"],
        family: &["Adébáyọ̀", "Núñez", "Lefèvre", "Gonçalves", "Müller-Ñandú"],
    },
];
