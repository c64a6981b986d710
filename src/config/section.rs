//! Reads one section of the tree, key by key, and collects the mistakes.
//!
//! A section remembers which keys it was asked for; the others are unknown, so that no list of keys is kept anywhere. A
//! value that cannot be used is told once and then is [`Reading::Refused`], so that nothing is concluded from it. Which
//! keys there are is known to `usable` and `promises`, what values mean to `understand`.

use std::collections::BTreeMap;

use super::mistake::{Mistake, Place, nearest};
use super::typed::{Node, Table, Value};
use super::understand;

static EMPTY: Table = Table::new();

/// What became of a key that was asked for.
#[derive(Clone, Debug, Default)]
pub(super) enum Reading<T> {
    /// It was not written.
    #[default]
    Absent,
    /// It was written and cannot be used, which has been told.
    Refused,
    /// It was written, there.
    Usable(T, Spot),
}

/// A key and where it was written: what a mistake about it begins with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Spot {
    /// Where.
    pub place: Place,
    /// The key's path.
    pub key: String,
}

/// A section that is being read. One that was not written is empty.
pub(super) struct Section<'t> {
    spot: Spot,
    table: &'t Table,
    asked: Vec<String>,
    mistakes: &'t mut Vec<Mistake>,
}

impl<T> Reading<T> {
    /// The value, if it is of use.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Reading::Usable(value, _) => Some(value),
            Reading::Absent | Reading::Refused => None,
        }
    }

    /// The value, or the default.
    pub(super) fn or(self, default: T) -> T {
        self.value().unwrap_or(default)
    }

    /// Whether a mistake was told.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Reading::Refused)
    }

    /// Where it was written, if it is of use.
    pub(super) fn spot(&self) -> Option<&Spot> {
        match self {
            Reading::Usable(_, spot) => Some(spot),
            Reading::Absent | Reading::Refused => None,
        }
    }
}

impl Spot {
    /// A mistake there.
    pub(super) fn mistake(&self, message: String) -> Mistake {
        Mistake { place: self.place.clone(), key: self.key.clone(), message }
    }

    fn of_key(&self, key: &str, place: Place) -> Spot {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Spot { place, key }
    }
}

/// Reads a whole document; keys that `read` does not ask for are mistakes.
pub(super) fn read_document<T>(
    document: &Table,
    mistakes: &mut Vec<Mistake>,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    read_table(Spot { place: Place::File, key: String::new() }, document, mistakes, read)
}

fn read_table<T>(
    spot: Spot,
    table: &Table,
    mistakes: &mut Vec<Mistake>,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let mut section = Section { spot, table, asked: Vec::new(), mistakes };
    let result = read(&mut section);
    section.refuse_unasked();
    result
}

impl<'t> Section<'t> {
    /// Reads one key. `understand` says what the value means, or what is wrong with it.
    pub(super) fn read<T>(&mut self, key: &str, understand: impl FnOnce(&'t Value) -> Result<T, String>) -> Reading<T> {
        self.asked.push(key.to_owned());
        let Some(node) = self.table.get(key) else {
            return Reading::Absent;
        };
        let spot = self.spot.of_key(key, node.place.clone());
        match understand(&node.value) {
            Ok(value) => Reading::Usable(value, spot),
            Err(message) => {
                self.mistakes.push(spot.mistake(message));
                Reading::Refused
            }
        }
    }

    /// Reads a list, each item as [`Section::read`] does. One item that cannot be used makes the list refused.
    pub(super) fn read_list<T>(
        &mut self,
        key: &str,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> Reading<Vec<(T, Spot)>> {
        let reading = self.read(key, |value| {
            value.items().ok_or_else(|| format!("{} is not a list: write it as in [\"5m\", \"1h\"]", value.quoted()))
        });
        let (items, list) = match reading {
            Reading::Usable(items, list) => (items, list),
            Reading::Absent => return Reading::Absent,
            Reading::Refused => return Reading::Refused,
        };
        let told = self.mistakes.len();
        let mut usable = Vec::new();
        for (value, place) in items {
            let spot = Spot { place: place.unwrap_or(&list.place).clone(), key: list.key.clone() };
            match understand(&value) {
                Ok(value) => usable.push((value, spot)),
                Err(message) => self.mistakes.push(spot.mistake(message)),
            }
        }
        if self.mistakes.len() > told { Reading::Refused } else { Reading::Usable(usable, list) }
    }

    /// Where the section was written.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Says that a key of this section is missing.
    pub(super) fn refuse_absence(&mut self, key: &str, message: &str) {
        self.mistakes.push(self.spot.of_key(key, self.spot.place.clone()).mistake(message.to_owned()));
    }

    /// Says what is wrong with something that was read.
    pub(super) fn refuse(&mut self, spot: &Spot, message: String) {
        self.mistakes.push(spot.mistake(message));
    }

    /// Reads the section below this one.
    pub(super) fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let reading = self.read(key, |value| match value {
            Value::Table(table) => Ok(table),
            value => Err(format!("{} is not a section: its keys go under a header in brackets", value.quoted())),
        });
        let (table, spot) = match reading {
            Reading::Usable(table, spot) => (table, spot),
            Reading::Absent | Reading::Refused => (&EMPTY, self.spot.of_key(key, Place::File)),
        };
        read_table(spot, table, self.mistakes, read)
    }

    /// Reads every section below the section `key`, all of them under names that the user chose.
    pub(super) fn named_sections<T>(&mut self, key: &str, read: impl Fn(&mut Section<'_>) -> T) -> BTreeMap<String, T> {
        self.section(key, |group| {
            let names = group.names();
            names.into_iter().map(|name| (name.clone(), group.section(&name, &read))).collect()
        })
    }

    /// Reads every key of the section `key`, all of them names that the user chose, as [`Section::read`] does.
    pub(super) fn named_values<T>(
        &mut self,
        key: &str,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> BTreeMap<String, T> {
        self.section(key, |group| {
            let names = group.names();
            names.into_iter().filter_map(|name| Some((name.clone(), group.read(&name, &understand).value()?))).collect()
        })
    }

    /// Reads every table of the list `[[key]]`. In paths each goes by what is under `name_key`, or by its number.
    pub(super) fn listed_sections<T>(
        &mut self,
        key: &str,
        name_key: &str,
        read: impl Fn(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        let reading = self.read(key, |value| match value {
            Value::List(items) => Ok(items),
            Value::Table(_) => {
                Err(format!("is one section, but there can be many: write [[{key}]] in double brackets"))
            }
            value => Err(format!("{} is not a list of sections: write each under [[{key}]]", value.quoted())),
        });
        let Reading::Usable(items, list) = reading else {
            return Vec::new();
        };
        let mut results = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let number = (index + 1).to_string();
            if let Value::Table(table) = &item.value {
                let name = table
                    .get(name_key)
                    .and_then(|node| node.value.text())
                    .filter(|name| !name.is_empty())
                    .unwrap_or(&number);
                let spot = list.of_key(name, item.place.clone());
                results.push(read_table(spot, table, self.mistakes, &read));
            } else {
                let message = format!("{} is not a section: write each under [[{key}]]", item.value.quoted());
                self.mistakes.push(list.of_key(&number, item.place.clone()).mistake(message));
            }
        }
        results
    }

    /// The keys that are written here, for a section whose keys are names; those that are no names are mistakes.
    fn names(&mut self) -> Vec<String> {
        let table = self.table;
        let is_name = |(name, node): &(&String, &Node)| match understand::name(name) {
            Ok(()) => true,
            Err(message) => {
                self.asked.push((*name).clone());
                self.mistakes.push(self.spot.of_key(name, node.place.clone()).mistake(message));
                false
            }
        };
        table.iter().filter(is_name).map(|(name, _)| name.clone()).collect()
    }

    fn refuse_unasked(self) {
        for (key, node) in self.table {
            if self.asked.contains(key) {
                continue;
            }
            let message = match nearest(key, self.asked.iter().map(String::as_str)) {
                Some(meant) => format!("unknown key: did you mean `{meant}`?"),
                None => format!("unknown key: known here are {}", self.asked.join(", ")),
            };
            self.mistakes.push(self.spot.of_key(key, node.place.clone()).mistake(message));
        }
    }
}
