//! Reads one section of the tree, key by key, and collects the mistakes.
//!
//! A section remembers which keys it was asked for; the others are unknown, so that no list of keys is kept anywhere. A
//! value that cannot be used is told once and then is [`Reading::Refused`], so that nothing is concluded from it. Which
//! keys there are is known to `usable` and `promises`, what values mean to `understand`.

use std::collections::BTreeMap;

use super::mistake::{Mistake, Place, nearest};
use super::reading::{Reading, Spot};
use super::typed::{Node, Table, Value};
use super::understand;

static EMPTY: Table = Table::new();

/// A section that is being read. One that was not written is empty.
pub(super) struct Section<'t> {
    spot: Spot,
    table: &'t Table,
    asked: Vec<String>,
    mistakes: &'t mut Vec<Mistake>,
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

fn flat(table: &Table) -> Vec<(String, &Node)> {
    let mut nodes = Vec::new();
    for (key, node) in table {
        match &node.value {
            Value::Table(inner) => {
                nodes.extend(flat(inner).into_iter().map(|(rest, node)| (format!("{key}.{rest}"), node)));
            }
            _ => nodes.push((key.clone(), node)),
        }
    }
    nodes
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

    /// Reads a list, each item as [`Section::read`] does. One item that cannot be used makes the list refused. What is
    /// no list is told with the `example` of one.
    pub(super) fn read_list<T>(
        &mut self,
        key: &str,
        example: &str,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> Reading<Vec<(T, Spot)>> {
        self.read_items(key, example, Value::items, understand)
    }

    /// As [`Section::read_list`], of what can also be written as one text with commas.
    pub(super) fn read_list_or_text<T>(
        &mut self,
        key: &str,
        example: &str,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> Reading<Vec<(T, Spot)>> {
        self.read_items(key, example, Value::items_or_parts, understand)
    }

    fn read_items<T>(
        &mut self,
        key: &str,
        example: &str,
        items: impl FnOnce(&'t Value) -> Option<Vec<(Value, Option<&'t Place>)>>,
        understand: impl Fn(&Value) -> Result<T, String>,
    ) -> Reading<Vec<(T, Spot)>> {
        let reading = self.read(key, |value| {
            items(value).ok_or_else(|| format!("{} is not a list: write it as in {example}", value.quoted()))
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

    /// The names of what is written below the section `key` here, whatever it is.
    pub(super) fn names_below(&self, key: &str) -> Vec<String> {
        match self.table.get(key).map(|node| &node.value) {
            Some(Value::Table(table)) => table.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Leaves a key to others: it is known here, and what it holds is not looked at.
    pub(super) fn pass_over(&mut self, key: &str) {
        self.asked.push(key.to_owned());
    }

    /// Every key that is written here, those of sections below it by their path with dots, so that `a.b = 1` and
    /// `"a.b" = 1` are the same. All of them are asked for.
    pub(super) fn flat(&mut self) -> Vec<(String, Spot, &'t Value)> {
        self.asked.extend(self.table.keys().cloned());
        flat(self.table)
            .into_iter()
            .map(|(key, node)| {
                let spot = self.spot.of_key(&key, node.place.clone());
                (key, spot, &node.value)
            })
            .collect()
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
