//! What was typed: the file as a tree of values, each with its place.
//!
//! Nothing is judged here but whether it is TOML. The parser goes on after a mistake, so that all of them are found.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::mistake::{Lines, Mistake, Place};

/// A table: keys and what they hold.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where its key begins, and in a list the value itself.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// A value as far as it is known before anybody asks for it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A string, without its quotes.
    Text(String),
    /// A number, in decimal.
    Number(String),
    /// Of an environment variable, which has no types: it is taken for what the key asks for.
    Given(String),
    /// True or false.
    Truth(bool),
    /// Something that no setting is: a date, as written.
    Other(String),
    /// A list, also one of tables.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// Reads `text` as TOML. What is no TOML is told in `mistakes`; the rest is in the tree.
pub(super) fn read(text: &str, mistakes: &mut Vec<Mistake>) -> Table {
    let (document, errors) = DeTable::parse_recoverable(text);
    let typed = Typed { text, lines: Lines::of(text) };
    mistakes.extend(errors.iter().map(|error| {
        let span = error.span().unwrap_or_default();
        let place = typed.lines.place(span.start);
        // Where it says that nothing was expected, it has already said all.
        let complaint = error.message().trim_end_matches(", expected nothing");
        let line =
            text.get(..span.start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default().to_lowercase();
        // A password whose quotes were forgotten is not to be seen in any log.
        let is_secret = ["password", "secret"].iter().any(|word| line.contains(word));
        let message = match text.get(span) {
            Some(written) if !is_secret && !written.trim().is_empty() => format!("{written} is not TOML: {complaint}"),
            _ => format!("not TOML: {complaint}"),
        };
        Mistake { place, key: String::new(), message }
    }));
    typed.table(document.get_ref())
}

/// The text, while it is made a tree.
struct Typed<'t> {
    text: &'t str,
    lines: Lines<'t>,
}

impl Typed<'_> {
    fn table(&self, written: &DeTable<'_>) -> Table {
        let entry = |(key, held): (&Spanned<DeString<'_>>, _)| {
            (key.get_ref().to_string(), Node { place: self.lines.place(key.span().start), value: self.value(held) })
        };
        written.iter().map(entry).collect()
    }

    fn item(&self, written: &Spanned<DeValue<'_>>) -> Node {
        Node { place: self.lines.place(written.span().start), value: self.value(written) }
    }

    fn value(&self, written: &Spanned<DeValue<'_>>) -> Value {
        match written.get_ref() {
            DeValue::String(string) => Value::Text(string.to_string()),
            // Hexadecimal and the like are told in decimal; what is too large for any setting stays as it was written.
            DeValue::Integer(integer) => Value::Number(
                i64::from_str_radix(integer.as_str(), integer.radix())
                    .map_or_else(|_| integer.to_string(), |number| number.to_string()),
            ),
            DeValue::Float(float) => Value::Number(float.to_string()),
            DeValue::Boolean(truth) => Value::Truth(*truth),
            DeValue::Datetime(_) => Value::Other(self.text.get(written.span()).unwrap_or_default().to_owned()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.item(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }
}

impl Value {
    /// The text, if it is one or can be taken for one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Given(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one or may turn out to be one.
    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Value::Number(text) | Value::Given(text) => Some(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub(super) fn table_mut(&mut self) -> Option<&mut Table> {
        match self {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The items, if it is a list or can be taken for one: what a variable holds is parted at its commas. They come
    /// with their places; an item of a variable has none of its own.
    pub(super) fn items(&self) -> Option<Vec<(Value, Option<&Place>)>> {
        match self {
            Value::List(items) => Some(items.iter().map(|item| (item.value.clone(), Some(&item.place))).collect()),
            Value::Given(text) => Some(parted(text).map(|item| (Value::Given(item), None)).collect()),
            _ => None,
        }
    }

    /// As [`Value::items`], and a text in the file is parted at its commas too.
    pub(super) fn items_or_parts(&self) -> Option<Vec<(Value, Option<&Place>)>> {
        match self {
            Value::Text(text) => Some(parted(text).map(|item| (Value::Text(item), None)).collect()),
            value => value.items(),
        }
    }

    /// As it was written, for a message; a long one is cut.
    pub(super) fn quoted(&self) -> String {
        const LONGEST: usize = 60;
        let text = match self {
            Value::Text(text) | Value::Given(text) => format!("{text:?}"),
            Value::Number(text) | Value::Other(text) => text.clone(),
            Value::Truth(truth) => truth.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a section".to_owned(),
        };
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

fn parted(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}
